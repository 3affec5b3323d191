import type { TargetedKeyboardEvent } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { bucketLabel } from "../statistics/labels";
import { stepOf } from "./keys";
import { Legend } from "./Legend";
import { type ChartSeries, COLOURS } from "./plot";
import { Tooltip } from "./Tooltip";
import { pointAt, usePlot } from "./usePlot";
import "./charts.css";

export interface TimeChartProps {
  /** What is shown; for screen readers. */
  label: string;
  /** Where buckets begin and end, in milliseconds since 1970: one more than there are values. */
  edges: readonly number[];
  series: readonly ChartSeries[];
  /** Zone of the axis and of all times. */
  zone: string;
  /** A value with its unit. */
  format: (value: number | null | undefined) => string;
  /** Bars where there is one series, else lines. */
  bars?: boolean;
  /** What the dashed lines are: "a week before". */
  comparedName?: string | undefined;
  /** Which time a compared value is of. */
  comparedTime?: ((index: number) => string) | undefined;
  height?: number;
}

/** More series than this are switched off at first: nobody could tell the lines apart. */
const SHOWN_AT_FIRST = COLOURS;
const NONE: ReadonlySet<string> = new Set();

/**
 * Values over time. Dragging zooms, a double click shows all again. With the keyboard: arrow keys walk through the values, which
 * are read out; Escape shows all again.
 */
export function TimeChart(props: TimeChartProps) {
  const { edges, series, zone, format, bars = false, height = 320, label } = props;
  const host = useRef<HTMLDivElement>(null);
  const [index, setIndex] = useState<number>();
  const [hidden, setHidden] = useHidden(series);
  const { plot, isZoomed, reset } = usePlot({
    host,
    edges,
    series,
    hidden,
    bars: bars && series.length === 1,
    zone,
    height,
    onCursor: setIndex,
  });
  const shown = series.filter(({ key }) => !hidden.has(key));
  const count = edges.length - 1;
  const at = index !== undefined && index < count ? index : undefined;

  const onKeyDown = (event: TargetedKeyboardEvent<HTMLDivElement>) => {
    const to = stepOf(event.key, at, count);
    if (event.key === "Escape") {
      reset();
      pointAt(plot.current, undefined);
    } else if (to === undefined) return;
    else {
      setIndex(to);
      pointAt(plot.current, to);
    }
    event.preventDefault();
  };
  return (
    <div class="time-chart">
      <div
        ref={host}
        class="time-plot"
        style={{ minHeight: `${height}px` }}
        tabIndex={0}
        role="slider"
        aria-label={`${label}. Arrow keys read the values.`}
        aria-valuemin={0}
        aria-valuemax={Math.max(0, count - 1)}
        aria-valuenow={at ?? 0}
        aria-valuetext={at === undefined ? "No value chosen" : textOf(at, props, shown)}
        onKeyDown={onKeyDown}
        onBlur={() => pointAt(plot.current, undefined)}
      >
        {at !== undefined && <Tooltip {...props} at={at} series={shown} all={series} plot={plot.current} />}
      </div>
      <div class="chart-foot">
        <Legend
          series={series}
          hidden={hidden}
          onChange={setHidden}
          comparedName={series.some(({ compared }) => compared) ? props.comparedName : undefined}
        />
        {isZoomed && (
          <button type="button" class="quiet small" onClick={reset}>
            Show the whole range
          </button>
        )}
      </div>
    </div>
  );

  function textOf(at: number, { comparedName }: TimeChartProps, shown: readonly ChartSeries[]): string {
    const values = shown.map(({ label, values, compared }) => {
      const before = compared ? `, ${comparedName ?? "before"} ${format(compared[at])}` : "";
      return `${label}: ${values[at] == null ? "no data" : format(values[at])}${before}`;
    });
    return `${bucketLabel(edges[at] ?? 0, edges[at + 1] ?? 0, zone)}. ${values.join("; ")}`;
  }
}

/** Which series are switched off; begins anew when there are others. */
function useHidden(series: readonly ChartSeries[]) {
  const keys = series.map(({ key }) => key).join("\n");
  const first = useMemo(() => tooMany(series), [keys]);
  const [chosen, setChosen] = useState<{ keys: string; hidden: ReadonlySet<string> }>();
  useEffect(() => setChosen(undefined), [keys]);
  const hidden = chosen?.keys === keys ? chosen.hidden : first;
  return [hidden, (hidden: ReadonlySet<string>) => setChosen({ keys, hidden })] as const;
}

/** All but those with the largest sums. */
function tooMany(series: readonly ChartSeries[]): ReadonlySet<string> {
  if (series.length <= SHOWN_AT_FIRST) return NONE;
  const sum = ({ values }: ChartSeries) => values.reduce<number>((total, value) => total + (value ?? 0), 0);
  const bySize = series.map((one) => ({ key: one.key, sum: sum(one) })).sort((a, b) => b.sum - a.sum);
  return new Set(bySize.slice(SHOWN_AT_FIRST).map(({ key }) => key));
}
