/** How uPlot draws a TimeChart. */
import uPlot from "uplot";
import { compact } from "../format";
import { tickLabel, ticks } from "./ticks";

export type Values = readonly (number | null)[];

export interface ChartSeries {
  /** Stays the same when the data changes. */
  key: string;
  label: string;
  /** One for each bucket; null is a hole. */
  values: Values;
  /** Of the range that it is compared with, by bucket. */
  compared?: Values | undefined;
}

export const COLOURS = 6;
const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
/** A tick takes so many pixels. */
const TICK_SPACE = 78;

interface Spec {
  element: HTMLElement;
  series: readonly ChartSeries[];
  bars: boolean;
  zone: string;
  height: number;
  onCursor: (index: number | undefined) => void;
  onRange: (from: number, to: number) => void;
  onReset: () => void;
}

/** Lines come in pairs: that of the range, and (dashed) that of the range compared with. */
export function plotOptions(spec: Spec): uPlot.Options {
  const { element, series, height, zone, onCursor, onRange, onReset } = spec;
  const colour = (name: string) => getComputedStyle(element).getPropertyValue(name).trim();
  return {
    width: element.clientWidth,
    height,
    padding: [12, 36, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      drag: { x: true, y: false, dist: 6 },
      points: { size: 9, width: 2 },
      bind: {
        // A double click shows the whole range, not only from the first value to the last.
        dblclick: () => () => {
          onReset();
          return null;
        },
      },
    },
    scales: {
      x: { time: false },
      y: { range: (_, __, most) => [0, Math.max(1, most ?? 0) * 1.06] },
    },
    axes: axes(colour, zone),
    series: [
      {},
      ...series.flatMap((_, index) => [line(index, spec.bars, colour), comparedLine(index, colour)]),
    ],
    hooks: {
      drawClear: [styleWhereShort],
      setCursor: [(plot) => onCursor(plot.cursor.idx ?? undefined)],
      setScale: [
        (plot, key) => {
          const { min, max } = plot.scales["x"] ?? {};
          if (key === "x" && min != null && max != null) onRange(min, max);
        },
      ],
    },
  };
}

function axes(colour: (name: string) => string, zone: string): uPlot.Axis[] {
  const common: uPlot.Axis = {
    stroke: () => colour("--muted"),
    grid: { stroke: () => colour("--line"), width: 1 },
    ticks: { show: false },
    font: FONT,
  };
  const at = (plot: uPlot, min: number, max: number) =>
    ticks(min * 1000, max * 1000, zone, plot.bbox.width / devicePixelRatio / TICK_SPACE);
  return [
    {
      ...common,
      size: 30,
      splits: (plot, _, min, max) => at(plot, min, max).times.map((time) => time / 1000),
      values: (plot, splits) => {
        const { step } = at(plot, plot.scales["x"]?.min ?? 0, plot.scales["x"]?.max ?? 1);
        return splits.map((split) => tickLabel(split * 1000, step, zone));
      },
    },
    { ...common, size: 52, space: 40, values: (_, splits) => splits.map((split) => compact(split)) },
  ];
}

function line(index: number, bars: boolean, colour: (name: string) => string): uPlot.Series {
  const stroke = () => colour(`--line-${index % COLOURS}`);
  if (bars) {
    return {
      stroke,
      fill: stroke,
      width: 0,
      points: { show: false },
      paths: uPlot.paths.bars!({ size: [0.86, 64], radius: 0.12 }),
    };
  }
  return {
    stroke,
    width: 2,
    // More than there are colours: the later ones are dotted.
    ...(index >= COLOURS && { dash: [2, 3] }),
    points: { size: 5, fill: stroke, space: 24, filter: lonely },
  };
}

function comparedLine(index: number, colour: (name: string) => string): uPlot.Series {
  const stroke = () => colour(`--line-${index % COLOURS}`);
  return {
    stroke,
    width: 1.5,
    dash: [7, 5],
    alpha: 0.75,
    points: { size: 4, fill: stroke, space: 32, filter: lonely },
  };
}

/** With more values than this in view lines are drawn thin and whole: dashes and joints would take long, and not be seen. */
const MOST_STYLED = 1_000;

const styles = new WeakMap<uPlot.Series, Pick<uPlot.Series, "dash" | "width">>();

function styleWhereShort(plot: uPlot): void {
  const [first, last] = plot.series[0]?.idxs ?? [0, 0];
  const isLong = last - first > MOST_STYLED;
  for (const series of plot.series.slice(1)) {
    const style = styles.get(series) ?? { dash: series.dash ?? [], width: series.width ?? 1 };
    styles.set(series, style);
    if (style.width === 0) continue;
    Object.assign(series, isLong ? { dash: [], width: 1 } : style);
  }
}

/** A value between two holes is no line: it gets a point even where there is no room for those of all. */
const lonely: uPlot.Series.Points.Filter = (plot, at, show) => {
  if (show) return null;
  const values = plot.data[at] ?? [];
  const [first, last] = plot.series[0]?.idxs ?? [0, values.length - 1];
  const found: number[] = [];
  for (let index = first; index <= last; index++) {
    if (values[index] != null && values[index - 1] == null && values[index + 1] == null) found.push(index);
  }
  return found.length > 0 ? found : null;
};
