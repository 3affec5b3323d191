import type { Queue } from "../../api/system";
import { number } from "../../format";
import { type Column, Table } from "../../parts/Table";

/** What waits there, by the name of the queue. */
const MEANINGS: Record<string, string> = {
  "held by workers": "On the way to the database; a moment, unless it is slow or away.",
  "dead letters": "Set aside because they cannot be stored. Somebody should look at them.",
};

const COLUMNS: Column<Queue>[] = [
  {
    key: "name",
    header: "Queue",
    isName: true,
    cell: ({ name }) => (
      <>
        {name.charAt(0).toUpperCase() + name.slice(1)} <span class="help">{MEANINGS[name]}</span>
      </>
    ),
  },
  {
    key: "messages",
    header: "Batches",
    align: "end",
    cell: ({ name, messages }) =>
      name === "dead letters" && messages > 0 ? (
        <span class="badge bad">{number(messages)}, look at them</span>
      ) : (
        number(messages)
      ),
  },
];

export function QueueTable({ queues }: { queues: Queue[] }) {
  return (
    <Table
      caption="Queues and their lengths"
      columns={COLUMNS}
      rows={queues}
      rowKey={({ name }) => name}
      empty={<p class="muted">No service told the length of a queue.</p>}
    />
  );
}
