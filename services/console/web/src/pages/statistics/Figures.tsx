import { useState } from "preact/hooks";
import type { Counts } from "../../api/counts";
import { FiguresTable } from "../../charts/FiguresTable";
import type { ChartSeries } from "../../charts/plot";
import { change, zoneName } from "../../format";
import { bucketLabel } from "../../statistics/labels";
import { figure } from "../../statistics/measures";

interface Props {
  counts: Counts;
  edges: readonly number[];
  series: readonly ChartSeries[];
  comparedName: string | undefined;
}

/** All values of the chart, to be read; made when somebody wants to see them. */
export function Figures(props: Props) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details class="figures-details" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Show the figures as a table</summary>
      {isOpen && <Rows {...props} />}
    </details>
  );
}

function Rows({ counts, edges, series, comparedName }: Props) {
  const { measure, time_zone, compare } = counts;
  const before = comparedName ?? "before";
  const headers = series.flatMap(({ label }) =>
    compare ? [label, `${label}, ${before}`, "Change"] : [label],
  );
  const row = (at: number) => [
    bucketLabel(edges[at] ?? 0, edges[at + 1] ?? 0, time_zone),
    ...series.flatMap(({ values, compared }, line) => {
      const value = figure(measure, values[at]);
      if (!compared) return [value];
      return [value, figure(measure, compared[at]), change(compare?.series[line]?.ratio[at])];
    }),
  ];
  return (
    <FiguresTable
      caption="Figures of the chart"
      headers={[zoneName(edges[0] ?? 0, time_zone), ...headers]}
      count={edges.length - 1}
      row={row}
    />
  );
}
