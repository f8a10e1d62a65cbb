import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { type Quantity, quantityText, timeOfDay } from "../format.ts";
import { extent, HISTORY_WINDOW_MS, type History } from "../state/history.ts";
import { usePage } from "./page-context.ts";
import { theme } from "./theme-toggle.tsx";

const WINDOW_SECONDS = HISTORY_WINDOW_MS / 1000;

/** Least height of a scale without a top of its own: below 10 KB/s a line is noise and stays low. */
const LEAST_TOP = 10 * 1024;

export interface ChartLine {
  readonly column: string;
  readonly name: string;
}

interface ChartProps {
  /** What is drawn, for those who cannot see it. */
  readonly label: string;
  /** One or two columns of the history. The first is filled. */
  readonly lines: readonly ChartLine[];
  /** `percent` is always drawn from 0 to 100, so that charts can be compared; `rate` grows with what it shows. */
  readonly scale: "percent" | "rate";
  readonly quantity: (value: number | null) => Quantity;
}

/** The last five minutes. Colours come from the style sheet, see `colours`. */
export function Chart({ label, lines, scale, quantity }: ChartProps) {
  const { resources, status } = usePage();
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const pointed = useSignal<number | undefined>(undefined);
  const columns = lines.map((line) => line.column).join(" ");

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const chart = new uPlot(
      options(element, lines, scale, (index) => {
        pointed.value = index;
      }),
      dataOf(resources.peek().history, lines),
      element,
    );
    plot.current = chart;
    const sized = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: element.clientHeight }));
    sized.observe(element);
    return () => {
      sized.disconnect();
      chart.destroy();
      plot.current = undefined;
    };
    // `lines` is made anew with every rendering; its columns say whether it is another chart.
  }, [columns, scale]);

  useSignalEffect(() => {
    const { history } = resources.value;
    plot.current?.setData(dataOf(history, lines));
  });
  // After the elements have changed: colours come from them.
  useEffect(() => plot.current?.redraw(false), [theme.value, status.value]);

  const { history } = resources.value;
  const index = pointed.value;
  const time = index === undefined ? undefined : history.times[index];
  const valueAt = (line: ChartLine, at: number) => quantityText(quantity(history.columns[line.column]?.[at] ?? null));
  return (
    <figure class="chart">
      <div class="chart-plot" ref={host} role="img" aria-label={summary(label, lines, history, quantity)} />
      <figcaption class="chart-caption" aria-hidden="true">
        <span>{time === undefined ? "5 min ago" : timeOfDay(time)}</span>
        <span>
          {index === undefined || time === undefined ? "now" : lines.map((line) => valueAt(line, index)).join(" · ")}
        </span>
      </figcaption>
    </figure>
  );
}

function dataOf(history: History, lines: readonly ChartLine[]): uPlot.AlignedData {
  const absent = history.times.map(() => null);
  return [
    history.times.map((time) => time / 1000),
    ...lines.map((line) => [...(history.columns[line.column] ?? absent)]),
  ];
}

/**
 * Canvas knows no custom properties, but a computed style has them resolved. So the style sheet sets, on the element
 * that holds the plot: `color` and `fill` of the first line, `outline-color` of the second, `stroke` of the grid.
 */
function colours(element: Element) {
  const { color, fill, stroke, outlineColor } = getComputedStyle(element);
  return { first: color, area: fill, second: outlineColor, grid: stroke };
}

function options(
  element: HTMLElement,
  lines: readonly ChartLine[],
  scale: "percent" | "rate",
  onPoint: (index: number | undefined) => void,
): uPlot.Options {
  const top = (greatest: number | null) => (scale === "percent" ? 100 : Math.max(LEAST_TOP, (greatest ?? 0) * 1.15));
  return {
    width: element.clientWidth,
    height: element.clientHeight,
    padding: [2, 0, 1, 0],
    legend: { show: false },
    cursor: {
      y: false,
      drag: { x: false, y: false },
      points: { size: 7 },
      sync: { key: "resources" },
    },
    scales: {
      x: { time: true, range: (_, __, newest) => [(newest ?? 0) - WINDOW_SECONDS, newest ?? 0] },
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
    series: [
      {},
      ...lines.map((_, index): uPlot.Series => {
        const stroke = () => (index === 0 ? colours(element).first : colours(element).second);
        return {
          stroke,
          width: 1.5,
          points: { show: false },
          ...(index === 0 ? { fill: () => colours(element).area } : {}),
        };
      }),
    ],
    hooks: { setCursor: [(chart) => onPoint(chart.cursor.idx ?? undefined)] },
  };
}

function summary(
  label: string,
  lines: readonly ChartLine[],
  history: History,
  quantity: (value: number) => Quantity,
): string {
  const parts = lines.map((line) => {
    const range = extent(history.columns[line.column] ?? []);
    return range
      ? `${line.name} between ${quantityText(quantity(range.least))} and ${quantityText(quantity(range.greatest))}`
      : `${line.name} not reported`;
  });
  return `${label} over the last five minutes: ${parts.join(", ")}`;
}
