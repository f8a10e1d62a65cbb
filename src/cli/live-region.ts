import type { Output } from "./output.ts";
import { DEFAULT_COLUMNS, displayWidth } from "./text.ts";

/** Milliseconds between two drawings at least: a storm of events costs ten redraws a second, not one each. */
const REDRAW_MS = 100;

const HIDE_CURSOR = "\u001b[?25l";
const SHOW_CURSOR = "\u001b[?25h";
/** Terminals that know these show what lies between at once, without flicker; others ignore them. */
const BEGIN_UPDATE = "\u001b[?2026h";
const END_UPDATE = "\u001b[?2026l";
const CLEAR_TO_LINE_END = "\u001b[K";
const CLEAR_BELOW = "\u001b[J";

/**
 * Lines at the end of a terminal that are drawn anew in place. What was there before, and what scrolled away, stays;
 * when it is disposed, the last drawing stays too.
 */
export class LiveRegion implements Disposable {
  readonly #output: Output;
  readonly #render: (columns: number, rows: number) => readonly string[];
  readonly #resize: Disposable;
  #drawn: readonly string[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lastDraw = Number.NEGATIVE_INFINITY;

  /** @param render gives the lines to show, none wider than `columns`; those beyond `rows` are left out. */
  constructor(output: Output, render: (columns: number, rows: number) => readonly string[]) {
    this.#output = output;
    this.#render = render;
    this.#resize = output.onResize(() => this.update());
    output.raw(HIDE_CURSOR);
    this.#draw();
  }

  /** Draws soon. */
  update(): void {
    if (this.#timer !== undefined) return;
    const wait = Math.max(0, this.#lastDraw + REDRAW_MS - performance.now());
    this.#timer = setTimeout(() => this.#draw(), wait);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#resize[Symbol.dispose]();
    this.#draw();
    this.#output.raw(SHOW_CURSOR);
  }

  #draw(): void {
    this.#timer = undefined;
    this.#lastDraw = performance.now();
    const columns = this.#output.columns() ?? DEFAULT_COLUMNS;
    // The cursor stands on the line below the last one.
    const rows = this.#output.rows() - 1;
    const lines = this.#render(columns, rows).slice(0, rows);
    // A terminal that became narrower has broken the lines that no longer fit.
    const height = this.#drawn.reduce((sum, line) => sum + Math.max(1, Math.ceil(displayWidth(line) / columns)), 0);
    const up = height === 0 ? "" : `\u001b[${Math.min(height, rows)}A\r`;
    const text = lines.map((line) => `${line}${CLEAR_TO_LINE_END}\n`).join("");
    this.#output.raw(`${BEGIN_UPDATE}${up}${text}${CLEAR_BELOW}${END_UPDATE}`);
    this.#drawn = lines;
  }
}
