import { type RefObject } from "preact";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { onThemeChange } from "../theme";
import { type ChartSeries, plotOptions } from "./plot";

interface Input {
  host: RefObject<HTMLDivElement | null>;
  /** Milliseconds; one more than there are values. */
  edges: readonly number[];
  series: readonly ChartSeries[];
  /** Keys of series that are switched off. */
  hidden: ReadonlySet<string>;
  bars: boolean;
  zone: string;
  height: number;
  /** The value beneath the cursor; undefined: it is elsewhere. */
  onCursor: (index: number | undefined) => void;
}

export interface PlotControl {
  plot: RefObject<uPlot | null>;
  isZoomed: boolean;
  reset: () => void;
}

/** A uPlot that follows what it is given: data, size, theme, and which series are shown. */
export function usePlot({ host, edges, series, hidden, bars, zone, height, onCursor }: Input): PlotControl {
  const plot = useRef<uPlot | null>(null);
  const [isZoomed, setZoomed] = useState(false);
  const whole = useRef({ min: 0, max: 1 });
  const cursor = useRef(onCursor);
  cursor.current = onCursor;
  const shape = JSON.stringify([series.map(({ key }) => key), bars, zone, height]);

  const reset = useCallback(() => plot.current?.setScale("x", whole.current), []);

  useLayoutEffect(() => {
    const element = host.current;
    if (!element) return;
    const options = plotOptions({
      element,
      series,
      bars,
      zone,
      height,
      onCursor: (index) => cursor.current(index),
      onRange: (min, max) => {
        const { min: first, max: last } = whole.current;
        setZoomed(min - first > 1 || last - max > 1);
      },
      onReset: reset,
    });
    const made = new uPlot(options, [[], ...series.flatMap(() => [[], []])], element);
    plot.current = made;
    const observer = new ResizeObserver(() => {
      if (element.clientWidth > 0) made.setSize({ width: element.clientWidth, height });
    });
    observer.observe(element);
    const forgetTheme = onThemeChange(() => made.redraw(false, true));
    return () => {
      observer.disconnect();
      forgetTheme();
      made.destroy();
      plot.current = null;
    };
  }, [shape]);

  // A value stands in the middle of its bucket.
  const data = useMemo(() => {
    const middles = edges.slice(0, -1).map((edge, at) => (edge + (edges[at + 1] ?? edge)) / 2000);
    const lines = series.flatMap(({ values, compared }) => [values, compared ?? middles.map(() => null)]);
    return [middles, ...lines] as uPlot.AlignedData;
  }, [edges, series]);

  useEffect(() => {
    const min = (edges[0] ?? 0) / 1000;
    const max = (edges.at(-1) ?? 1000) / 1000;
    const isSameRange = whole.current.min === min && whole.current.max === max;
    const { min: from, max: to } = plot.current?.scales["x"] ?? {};
    // Newer figures of the same range leave the part that somebody looks at.
    const kept =
      isSameRange && isZoomed && from != null && to != null ? { min: from, max: to } : { min, max };
    whole.current = { min, max };
    plot.current?.batch(() => {
      plot.current?.setData(data, false);
      plot.current?.setScale("x", kept);
    });
  }, [data, shape]);

  useEffect(() => {
    plot.current?.batch(() => {
      series.forEach(({ key }, at) => {
        const show = !hidden.has(key);
        plot.current?.setSeries(2 * at + 1, { show });
        plot.current?.setSeries(2 * at + 2, { show });
      });
    });
  }, [hidden, shape]);

  return { plot, isZoomed, reset };
}

/** Puts the cursor of a plot on a value, or (undefined) takes it away. */
export function pointAt(plot: uPlot | null, index: number | undefined): void {
  if (!plot) return;
  const x = index === undefined ? undefined : plot.data[0]?.[index];
  if (x === undefined) plot.setCursor({ left: -10, top: -10 });
  else plot.setCursor({ left: plot.valToPos(x, "x"), top: plot.over.clientHeight / 2 });
}
