import { cut, displayWidth, fit, type Paint, plain } from "./text.ts";

/** One column of a table. */
export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string;
  /** Whether it may be cut where the terminal is narrow. Ids never are: they are there to be copied. */
  readonly shrinks?: boolean;
  readonly paint?: (row: Row) => Parameters<Paint>[0];
}

const GAP = "  ";

/** Columns that a cut cell keeps at least; less says nothing. */
const LEAST = 8;

/**
 * `rows` as aligned lines under a line of titles.
 *
 * @param columns of the terminal; undefined leaves everything at full length.
 */
export function table<Row>(
  rows: readonly Row[],
  spec: readonly Column<Row>[],
  columns: number | undefined,
  paint: Paint,
): string[] {
  const cells = rows.map((row) => spec.map(({ value }) => plain(value(row))));
  const natural = spec.map(({ title }, index) =>
    Math.max(displayWidth(title), ...cells.map((line) => displayWidth(line[index] ?? ""))),
  );
  const widths = columns === undefined ? natural : shrunk(natural, spec, columns);
  // On a terminal too narrow even for cut columns, those that say least, which stand last, are left out.
  const dropped = columns === undefined || total(widths) <= columns ? -1 : spec.findLastIndex(({ shrinks }) => shrinks);
  if (dropped > 0) return table(rows, spec.toSpliced(dropped, 1), columns, paint);
  const line = (texts: readonly string[], color: (index: number) => Parameters<Paint>[0] | undefined) =>
    texts
      .map((text, index) => {
        const width = widths[index] ?? 0;
        const padded = index === texts.length - 1 ? cut(text, width) : fit(text, width);
        const format = color(index);
        return format === undefined ? padded : paint(format, padded);
      })
      .join(GAP);
  const head = line(
    spec.map(({ title }) => title),
    () => "dim",
  );
  return [head, ...rows.map((row, index) => line(cells[index] ?? [], (column) => spec[column]?.paint?.(row)))];
}

/** Takes what is missing from the widest column that may be cut, and again, until all fits or nothing is left to take. */
function shrunk<Row>(natural: readonly number[], spec: readonly Column<Row>[], columns: number): number[] {
  const widths = [...natural];
  let over = total(widths) - columns;
  while (over > 0) {
    let widest = -1;
    for (const [index, width] of widths.entries()) {
      if (spec[index]?.shrinks && width > LEAST && width > (widths[widest] ?? 0)) widest = index;
    }
    const width = widths[widest];
    if (width === undefined) break;
    widths[widest] = width - 1;
    over--;
  }
  return widths;
}

function total(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, 0) + GAP.length * (widths.length - 1);
}

/** `name  value` lines, for one thing with all it has. */
export function details(entries: readonly (readonly [name: string, value: string])[], paint: Paint): string[] {
  const width = Math.max(...entries.map(([name]) => displayWidth(name)));
  return entries.map(([name, value]) => `${paint("dim", fit(name, width))}${GAP}${plain(value)}`);
}
