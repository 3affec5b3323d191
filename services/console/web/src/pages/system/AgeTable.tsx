import type { EventAge } from "../../api/system";
import { NOTHING, number, seconds } from "../../format";
import { type Column, Table } from "../../parts/Table";

const PLACES: Record<EventAge["at"], [name: string, meaning: string]> = {
  store: ["When stored", "Committed to the database, and so in the statistics."],
  push: ["When pushed", "On the way to those who watch live."],
};

const COLUMNS: Column<EventAge>[] = [
  {
    key: "at",
    header: "Where",
    isName: true,
    cell: ({ at }) => (
      <>
        {PLACES[at][0]} <span class="help">{PLACES[at][1]}</span>
      </>
    ),
  },
  { key: "p50", header: "Half within", align: "end", cell: ({ p50_seconds }) => age(p50_seconds) },
  { key: "p99", header: "99% within", align: "end", cell: ({ p99_seconds }) => age(p99_seconds) },
  { key: "count", header: "Batches", align: "end", cell: ({ count }) => number(count) },
];

export function AgeTable({ ages }: { ages: EventAge[] }) {
  return (
    <Table
      caption="Age of batches when they are stored and pushed"
      columns={COLUMNS}
      rows={ages}
      rowKey={({ at }) => at}
      empty={<p class="muted">No service told an age.</p>}
    />
  );
}

/** Below a second in milliseconds. */
function age(value: number | null): string {
  if (value === null) return NOTHING;
  return value < 1 ? `${number(value * 1000)} ms` : seconds(value);
}
