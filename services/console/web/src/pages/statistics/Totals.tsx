import type { Counts } from "../../api/counts";
import { change } from "../../format";
import { type Column, Table } from "../../parts/Table";
import { type Names, seriesKey, seriesLabel } from "../../statistics/figures";
import { figure, signed } from "../../statistics/measures";

interface Row {
  key: string;
  label: string;
  total: number | null;
  before: number | null;
  difference: number | null;
  ratio: number | null;
}

interface Props {
  counts: Counts;
  names: Names;
  comparedName: string | undefined;
}

/** One figure for the whole range, for each line of the chart. */
export function Totals({ counts, names, comparedName }: Props) {
  const rows = counts.series.map((series, at): Row => {
    const compared = counts.compare?.series[at];
    return {
      key: seriesKey(series),
      label: seriesLabel(series, names),
      total: series.total,
      before: compared?.total ?? null,
      difference: compared?.total_difference ?? null,
      ratio: compared?.total_ratio ?? null,
    };
  });
  return (
    <Table
      caption="Whole range"
      columns={columns(counts, comparedName ?? "before")}
      rows={rows}
      rowKey={({ key }) => key}
      sortedBy="-total"
      empty={<p class="muted">Nothing was seen.</p>}
    />
  );
}

function columns({ measure, compare }: Counts, comparedName: string): Column<Row>[] {
  const shown: Column<Row>[] = [
    { key: "label", header: "What", cell: ({ label }) => label, sort: ({ label }) => label, isName: true },
    column("total", "Whole range", (row) => figure(measure, row.total)),
  ];
  if (!compare) return shown;
  const before = comparedName.charAt(0).toUpperCase() + comparedName.slice(1);
  return [
    ...shown,
    column("before", before, (row) => figure(measure, row.before)),
    column("difference", "Difference", (row) => signed(measure, row.difference)),
    column("ratio", "Change", (row) => change(row.ratio)),
  ];
}

const column = (
  key: "total" | "before" | "difference" | "ratio",
  header: string,
  cell: (row: Row) => string,
): Column<Row> => ({ key, header, cell, sort: (row) => row[key] ?? undefined, align: "end" });
