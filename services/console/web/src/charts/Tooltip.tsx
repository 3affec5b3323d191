import type uPlot from "uplot";
import { useLayoutEffect, useRef } from "preact/hooks";
import { bucketLabel } from "../statistics/labels";
import { swatchClass } from "./Legend";
import type { ChartSeries } from "./plot";
import type { TimeChartProps } from "./TimeChart";

interface Props extends TimeChartProps {
  at: number;
  /** Those that are shown. */
  series: readonly ChartSeries[];
  /** All: which place a series has among them decides its colour. */
  all: readonly ChartSeries[];
  plot: uPlot | null;
}

const BESIDE_PX = 14;

/** The values of the bucket at the cursor. Screen readers get them from the chart itself. */
export function Tooltip({ at, edges, zone, series, all, format, comparedName, comparedTime, plot }: Props) {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const element = box.current;
    const x = plot?.data[0]?.[at];
    if (!element || !plot || x === undefined) return;
    // Beside the cursor, on the side where there is room.
    const left = plot.over.offsetLeft + plot.valToPos(x, "x");
    const isRight = left + BESIDE_PX + element.offsetWidth > plot.width;
    const wanted = isRight ? left - BESIDE_PX - element.offsetWidth : left + BESIDE_PX;
    element.style.left = `${Math.max(0, wanted)}px`;
  });
  const isCompared = series.some(({ compared }) => compared);
  return (
    <div ref={box} class="chart-tooltip" aria-hidden="true">
      <p class="chart-tooltip-time">{bucketLabel(edges[at] ?? 0, edges[at + 1] ?? 0, zone)}</p>
      <table>
        <tbody>
          {series.map(({ key, label, values, compared }) => (
            <tr key={key}>
              <th>
                <span class={swatchClass(all.findIndex((one) => one.key === key))} />
                {label}
              </th>
              <td>{values[at] == null ? "no data" : format(values[at])}</td>
              {compared && <td class="chart-tooltip-before">{format(compared[at])}</td>}
            </tr>
          ))}
        </tbody>
      </table>
      {isCompared && (
        <p class="chart-tooltip-note">
          {comparedName}
          {comparedTime && `: ${comparedTime(at)}`}
        </p>
      )}
    </div>
  );
}
