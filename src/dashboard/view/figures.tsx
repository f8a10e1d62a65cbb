import type { Level } from "../../contract/index.ts";
import { type Quantity, words } from "../format.ts";

/** A big number with its unit set smaller. */
export function Figure({ quantity, small = false }: { quantity: Quantity; small?: boolean }) {
  return (
    <span class={small ? "figure figure-small" : "figure"}>
      {quantity.figure}
      {quantity.unit !== "" && <span class="unit">{quantity.unit}</span>}
    </span>
  );
}

/** The level as a word, since colour alone does not tell everybody; nothing while all is normal. */
export function LevelTag({ level }: { level: Level | null }) {
  if (level === null || level === "normal") return null;
  return (
    <span class="tag" data-level={level}>
      {words(level)}
    </span>
  );
}
