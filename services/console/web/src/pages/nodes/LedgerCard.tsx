import { getLedger, type Ledger, type LedgerStream } from "../../api/nodes";
import { number, plural } from "../../format";
import { Card } from "../../parts/Card";
import { Empty, Loaded } from "../../parts/States";
import { type Column, Table } from "../../parts/Table";
import { TimeText } from "../../parts/TimeText";
import { useResource } from "../../useResource";

const REFRESH_MS = 10_000;

interface Props {
  node: string;
  zone: string | undefined;
}

/** What became of every batch that the node numbered: nothing goes missing without being told here. */
export function LedgerCard({ node, zone }: Props) {
  const ledger = useResource((signal) => getLedger(node, signal), [node], { everyMs: REFRESH_MS });
  return (
    <Card
      title="Loss ledger"
      intro="Nodes number their batches, so that what never arrived is known by its number."
    >
      <Loaded resource={ledger} what="The ledger" lines={4}>
        {(found) => <LedgerBody ledger={found} zone={zone} />}
      </Loaded>
    </Card>
  );
}

function LedgerBody({ ledger, zone }: { ledger: Ledger; zone: string | undefined }) {
  const { totals } = ledger;
  if (ledger.streams_total === 0 && ledger.refusals.length === 0) {
    return (
      <Empty title="Nothing is in the ledger yet" icon="info" level={3}>
        <p>It holds batches that have a number; citytrack-node numbers them by itself.</p>
      </Empty>
    );
  }
  return (
    <>
      <dl class="key-figures">
        <Figure name="Stored" value={totals.stored} />
        <Figure name="Missing" value={totals.missing} isBad={totals.missing > 0} />
        <Figure name="Refused" value={totals.refused} isBad={totals.refused > 0} />
        <Figure name="Sent again" value={totals.duplicate} />
        <Figure name="Late" value={totals.late} />
      </dl>
      {ledger.refusals.length > 0 && <Refusals ledger={ledger} zone={zone} />}
      <Streams ledger={ledger} zone={zone} />
    </>
  );
}

function Figure({ name, value, isBad = false }: { name: string; value: number; isBad?: boolean }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd class={isBad ? "bad" : undefined}>{number(value)}</dd>
    </div>
  );
}

function Refusals({ ledger, zone }: { ledger: Ledger; zone: string | undefined }) {
  return (
    <>
      <h3>Refused for good</h3>
      <ul class="refusals">
        {ledger.refusals.map(({ reason, batches, last_at, last_detail }) => (
          <li key={reason}>
            <strong>{reason}</strong>: {plural(batches, "batch", "batches")}, last{" "}
            <TimeText at={last_at} zone={zone} relative />
            <p class="help">{last_detail}</p>
          </li>
        ))}
      </ul>
    </>
  );
}

function Streams({ ledger, zone }: { ledger: Ledger; zone: string | undefined }) {
  const columns: Column<LedgerStream>[] = [
    {
      key: "stream",
      header: "Stream",
      isName: true,
      cell: ({ stream }) => <span class="mono">{stream}</span>,
    },
    {
      key: "last",
      header: "Last batch",
      cell: (stream) => <TimeText at={stream.last_received_at} zone={zone} relative />,
    },
    { key: "stored", header: "Stored", align: "end", cell: (stream) => number(stream.stored) },
    {
      key: "missing",
      header: "Missing numbers",
      cell: (stream) => missingOf(stream),
    },
  ];
  return (
    <>
      <h3>{plural(ledger.streams_total, "stream")}, the newest first</h3>
      <Table
        caption="Streams of numbered batches"
        columns={columns}
        rows={ledger.streams}
        rowKey={(stream) => stream.stream}
        empty={<p class="muted">No batch had a number.</p>}
      />
    </>
  );
}

const SHOWN_RANGES = 5;

function missingOf({ missing, missing_ranges }: LedgerStream): string {
  if (missing === 0) return "none";
  const shown = missing_ranges
    .slice(0, SHOWN_RANGES)
    .map(({ from, to }) => (from === to ? number(from) : `${number(from)}–${number(to)}`));
  const rest = missing_ranges.length > SHOWN_RANGES ? " …" : "";
  return `${number(missing)}: ${shown.join(", ")}${rest}`;
}
