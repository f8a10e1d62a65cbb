import type uPlot from "uplot";
import { lonely } from "../state/recorded.ts";

/** Least height of a scale without a top of its own: below 10 KB/s a line is noise and stays low. */
const LEAST_TOP = 10 * 1024;

export interface ChartShape {
  readonly lines: number;
  readonly scale: "percent" | "rate";
  /** Whether two more columns say between what the first line moved. */
  readonly banded: boolean;
  /** What the width stands for now, in seconds since the epoch. */
  readonly span: () => readonly [from: number, to: number];
  readonly onPoint: (index: number | undefined) => void;
}

/**
 * Canvas knows no custom properties, but a computed style has them resolved. So the style sheet sets, on the element
 * that holds the plot: `color` and `fill` of the first line, `outline-color` of the second, `stroke` of the grid.
 */
function colours(element: Element) {
  const { color, fill, stroke, outlineColor } = getComputedStyle(element);
  return { first: color, area: fill, second: outlineColor, grid: stroke };
}

export function chartOptions(element: HTMLElement, { lines, scale, banded, span, onPoint }: ChartShape): uPlot.Options {
  const top = (greatest: number | null) => (scale === "percent" ? 100 : Math.max(LEAST_TOP, (greatest ?? 0) * 1.15));
  const area = () => colours(element).area;
  const line = (index: number): uPlot.Series => {
    const stroke = () => (index === 0 ? colours(element).first : colours(element).second);
    return {
      stroke,
      width: 1.5,
      // A value between two gaps makes no line; without its point it would not be seen.
      points: { show: true, size: 4, fill: stroke, filter: (chart, series) => lonely([...(chart.data[series] ?? [])]) },
      ...(index === 0 ? { fill: area } : {}),
    };
  };
  const edge: uPlot.Series = { stroke: "transparent", width: 0, points: { show: false } };
  return {
    width: element.clientWidth,
    height: element.clientHeight,
    padding: [2, 0, 1, 0],
    legend: { show: false },
    cursor: {
      y: false,
      drag: { x: false, y: false },
      // A dot on each line under the pointer, but none on the edges of the band.
      points: { size: (_, series) => (series > lines ? 0 : 7) },
      sync: { key: "resources" },
    },
    scales: {
      x: { time: true, range: () => [...span()] },
      y: { range: (_, __, greatest) => [0, top(greatest)] },
    },
    axes: [
      { show: false },
      {
        size: 0,
        ticks: { show: false },
        splits: (_, __, ___, max) => [0, max / 2, max],
        values: (_, splits) => splits.map(() => null),
        grid: { stroke: () => colours(element).grid, width: 1 },
      },
    ],
    series: [{}, ...Array.from({ length: lines }, (_, index) => line(index)), ...(banded ? [edge, edge] : [])],
    ...(banded && { bands: [{ series: [lines + 1, lines + 2], fill: area }] }),
    hooks: { setCursor: [(chart) => onPoint(chart.cursor.idx ?? undefined)] },
  };
}
