import { type Recorded, ranges } from "../state/recorded.ts";
import { usePage } from "./page-context.ts";

/** How far the charts go back; says so where there is nothing to go back to. */
export function RangeSwitch() {
  const { range, recorded } = usePage();
  return (
    <div class="range-row">
      <p class="range-note" role="status">
        {note(recorded.value)}
      </p>
      <fieldset class="range-switch">
        <legend class="visually-hidden">Range of the charts</legend>
        {ranges.map(({ name, label }) => (
          <label key={name}>
            <input
              type="radio"
              name="range"
              value={name}
              checked={range.value === name}
              onChange={() => {
                range.value = name;
              }}
            />
            <span>{label}</span>
          </label>
        ))}
      </fieldset>
    </div>
  );
}

function note(recorded: Recorded): string {
  switch (recorded.kind) {
    case "live":
      return "";
    case "loading":
      return "Reading…";
    case "failed":
      return `The history cannot be read: ${recorded.reason}`;
    case "shown":
      return recorded.answer.series.some(({ avg }) => avg.some((value) => value !== null))
        ? ""
        : "Nothing was recorded in this time.";
    default:
      return recorded satisfies never;
  }
}
