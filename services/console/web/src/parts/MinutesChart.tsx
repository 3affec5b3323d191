import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { CHART_MINUTES, type Line, type VenueFeed } from "../live/feed";
import { lastMinutes } from "../live/minutes";
import type { VenueClock } from "../time";
import { onThemeChange } from "../theme";

interface Props {
  feed: VenueFeed;
  clock: VenueClock;
  now: number;
}

const HEIGHT = 200;
const HALF_A_MINUTE_S = 30;

/** The last 30 minutes: for each line, the mean number of people in a frame, by minute. */
export function MinutesChart({ feed, clock, now }: Props) {
  const lines = feed.lines();
  const minutes = lastMinutes(now, CHART_MINUTES);
  const rows = lines.map((line) => minutes.map((minute) => line.minutes.mean(minute)));
  const empty = rows.every((row) => row.every((value) => value === null));
  return (
    <section class="card chart" aria-labelledby="chart-title">
      <div class="chart-head">
        <h2 id="chart-title">Last {CHART_MINUTES} minutes</h2>
        <p class="muted">
          People in a frame, mean of each minute{lines[0]?.camera ? ", by camera" : " over all cameras"}.
          Where no frame came, the line has a hole.
        </p>
      </div>
      <div class="plot-frame">
        <Plot lines={lines} minutes={minutes} rows={rows} clock={clock} />
        {empty && !feed.chartProblem && (
          <p class="waiting">
            {feed.chartLoaded ? `No frame in the last ${CHART_MINUTES} minutes` : "Loading"}
          </p>
        )}
      </div>
      {feed.chartProblem && <p class="help bad">Earlier minutes could not be loaded: {feed.chartProblem}</p>}
      <Table lines={lines} minutes={minutes} rows={rows} clock={clock} now={now} />
    </section>
  );
}

interface PlotProps {
  lines: Line[];
  minutes: number[];
  rows: (number | null)[][];
  clock: VenueClock;
}

function Plot({ lines, minutes, rows, clock }: PlotProps) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const shape = lines.map((line) => line.label).join("\n");

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const made = new uPlot(options(element, lines, clock), [[], ...lines.map(() => [])], element);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    const recolour = () => made.redraw(false, true);
    const forgetTheme = onThemeChange(recolour);
    return () => {
      observer.disconnect();
      forgetTheme();
      made.destroy();
      plot.current = null;
    };
  }, [shape, clock]);

  // A point stands in the middle of its minute.
  const data = [minutes.map((minute) => minute / 1000 + HALF_A_MINUTE_S), ...rows];
  const version = JSON.stringify(data);
  useEffect(() => {
    const start = (minutes[0] ?? 0) / 1000;
    plot.current?.batch(() => {
      plot.current?.setData(data as uPlot.AlignedData, false);
      plot.current?.setScale("x", { min: start, max: start + CHART_MINUTES * 60 });
    });
  }, [version, shape]);

  return <div ref={host} class="plot" aria-hidden="true" />;
}

function options(element: HTMLElement, lines: Line[], clock: VenueClock): uPlot.Options {
  const colour = (name: string) => getComputedStyle(element).getPropertyValue(name).trim();
  const axis: uPlot.Axis = {
    stroke: () => colour("--muted"),
    grid: { stroke: () => colour("--line"), width: 1 },
    ticks: { show: false },
    font: '12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif',
  };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    padding: [10, 24, 0, 0],
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 8 } },
    legend: { isolate: true },
    scales: { x: { time: false }, y: { range: (_, __, most) => [0, Math.max(1, most ?? 0) * 1.1] } },
    axes: [
      {
        ...axis,
        incrs: [300, 600, 900],
        space: 56,
        size: 28,
        values: (_, ticks) => ticks.map((t) => clock.minute(t * 1000)),
      },
      { ...axis, size: 38, space: 36 },
    ],
    series: [
      { label: "Time", value: (_, time) => (time ? clock.minute((time - HALF_A_MINUTE_S) * 1000) : "") },
      ...lines.map((line, index) => series(line, index, colour)),
    ],
  };
}

function series(line: Line, index: number, colour: (name: string) => string): uPlot.Series {
  const stroke = () => colour(`--line-${index}`);
  return {
    label: line.label,
    stroke,
    width: 2,
    points: { show: true, size: 5, fill: stroke },
    value: (_, value) => (value == null ? "–" : value.toFixed(1)),
  };
}

/** The same figures to read, for whoever does not see the lines or wants the numbers. */
function Table(props: PlotProps & { now: number }) {
  const [open, setOpen] = useState(false);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Show the figures as a table</summary>
      {open && <TableOfMinutes {...props} />}
    </details>
  );
}

function TableOfMinutes({ lines, minutes, rows, clock, now }: PlotProps & { now: number }) {
  const newestFirst = minutes.map((minute, index) => ({ minute, index })).reverse();
  return (
    <section class="table-frame" tabIndex={0} aria-label="Figures of the last minutes">
      <table>
        <thead>
          <tr>
            <th scope="col">{clock.zoneName(now)}</th>
            {lines.map((line) => (
              <th key={line.label} scope="col">
                {line.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {newestFirst.map(({ minute, index }) => (
            <tr key={minute}>
              <th scope="row">{clock.minute(minute)}</th>
              {rows.map((row, line) => (
                <td key={lines[line]?.label}>{row[index]?.toFixed(1) ?? "–"}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
