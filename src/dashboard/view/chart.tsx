import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { momentText, type Quantity, quantityText } from "../format.ts";
import { extent } from "../state/history.ts";
import { type Range, rangeOf } from "../state/recorded.ts";
import { alignedData, type ChartLine, type Drawn, drawnNow } from "./chart-data.ts";
import { chartOptions } from "./chart-options.ts";
import { usePage } from "./page-context.ts";
import { theme } from "./theme-toggle.tsx";

interface ChartProps {
  /** What is drawn, for those who cannot see it. */
  readonly label: string;
  /** One or two columns of the history. The first is filled. */
  readonly lines: readonly ChartLine[];
  /** `percent` is always drawn from 0 to 100, so that charts can be compared; `rate` grows with what it shows. */
  readonly scale: "percent" | "rate";
  readonly quantity: (value: number | null) => Quantity;
}

/** The last five minutes as they come, or the recorded range that is chosen. Colours come from the style sheet. */
export function Chart({ label, lines, scale, quantity }: ChartProps) {
  const { resources, status, range, recorded } = usePage();
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const pointed = useSignal<number | undefined>(undefined);
  const columns = lines.map((line) => line.column).join(" ");
  const chosen = rangeOf(range.value);
  const banded = recorded.value.kind === "shown" && range.value !== "live";
  const drawnPeek = () => drawnNow(resources.peek().history, recorded.peek(), rangeOf(range.peek()), lines);

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const span = (): [number, number] => {
      const { from, to } = drawnPeek().span ?? { from: 0, to: 1 };
      return [from / 1000, to / 1000];
    };
    const onPoint = (index: number | undefined) => {
      pointed.value = index;
    };
    const shape = { lines: lines.length, scale, banded, span, onPoint };
    const chart = new uPlot(chartOptions(element, shape), alignedData(drawnPeek()), element);
    plot.current = chart;
    const sized = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: element.clientHeight }));
    sized.observe(element);
    return () => {
      sized.disconnect();
      chart.destroy();
      plot.current = undefined;
    };
    // `lines` is made anew with every rendering; its columns say whether it is another chart.
  }, [columns, scale, banded]);

  useSignalEffect(() => {
    const now = drawnNow(resources.value.history, recorded.value, rangeOf(range.value), lines);
    // Between two shapes the chart is about to be made anew, with its data.
    const data = alignedData(now);
    if (plot.current?.series.length === data.length) plot.current.setData(data);
  });
  // After the elements have changed: colours come from them.
  useEffect(() => plot.current?.redraw(false), [theme.value, status.value]);

  const drawn = drawnNow(resources.value.history, recorded.value, chosen, lines);
  const index = pointed.value;
  const time = index === undefined ? undefined : drawn.times[index];
  const shown = (value: number | null | undefined) => quantityText(quantity(value ?? null));
  const began = chosen.name === "live" ? "5 min ago" : `${chosen.label} ago`;
  return (
    <figure class="chart">
      <div class="chart-plot" ref={host} role="img" aria-label={summary(label, lines, drawn, chosen, quantity)} />
      <figcaption class="chart-caption" aria-hidden="true">
        <span>{time === undefined ? began : momentText(time, chosen.ms)}</span>
        <span>
          {index === undefined || time === undefined
            ? "now"
            : drawn.lines.map((values) => shown(values[index])).join(" · ") + between(drawn, index, shown)}
        </span>
      </figcaption>
    </figure>
  );
}

/** What one value moved between, where it is the only line and stands for more than one sample. */
function between({ band, lines }: Drawn, index: number, shown: (value: number) => string): string {
  const [least, greatest] = [band?.min[index] ?? null, band?.max[index] ?? null];
  if (lines.length > 1 || least === null || greatest === null || least === greatest) return "";
  return ` (${shown(least)} to ${shown(greatest)})`;
}

function summary(
  label: string,
  lines: readonly ChartLine[],
  drawn: Drawn,
  range: Range,
  quantity: (value: number) => Quantity,
): string {
  const parts = lines.map((line, i) => {
    const span = extent([
      ...(drawn.lines[i] ?? []),
      ...(i === 0 && drawn.band ? [...drawn.band.min, ...drawn.band.max] : []),
    ]);
    return span
      ? `${line.name} between ${quantityText(quantity(span.least))} and ${quantityText(quantity(span.greatest))}`
      : `${line.name} not reported`;
  });
  return `${label} over ${range.spoken}: ${parts.join(", ")}`;
}
