import { useState } from "preact/hooks";
import type { ImportProblem, ImportReport } from "../../api/imports";
import { sentence } from "../../api/client";
import type { Venue } from "../../api/venues";
import { number, plural } from "../../format";
import { Dialog, DialogDone } from "../../parts/Dialog";
import { Notice } from "../../parts/Notice";
import { type Column, Table } from "../../parts/Table";

interface Props {
  report: ImportReport;
  venue: Venue;
  onClose: () => void;
}

/** What became of a file of counts: the sums, and everything that was wrong with it. */
export function Report({ report, venue, onClose }: Props) {
  return (
    <Dialog title={`Import into “${venue.name}”`} onClose={onClose} wide>
      <Outcome report={report} />
      <dl class="key-figures">
        <Figure name="Lines" value={report.rows} />
        <Figure name="Counts" value={report.counts} />
        <Figure name="Stored" value={report.stored} />
        <Figure name="There already" value={report.unchanged} />
        <Figure name="Added to another" value={report.added} />
        <Figure name="Refused" value={report.refused} isBad={report.refused > 0} />
        <Figure name="Sum of what is there" value={report.sum} />
        <Figure name="Sum of what was refused" value={report.refused_sum} isBad={report.refused_sum > 0} />
      </dl>
      <Problems report={report} />
      <DialogDone onClose={onClose} />
    </Dialog>
  );
}

function Outcome({ report: { stored, refused, node } }: { report: ImportReport }) {
  if (stored === 0 && refused === 0) {
    return <Notice title="Nothing new: all of it was there already" />;
  }
  const title =
    stored === 0 ? "Nothing new was stored" : `${plural(stored, "count")} stored for the node ${node}`;
  if (refused === 0) return <Notice kind="good" title={title} />;
  return (
    <Notice kind="warn" title={title}>
      <p>
        {plural(refused, "count")} refused. Put them right in the file and import it again: what is there
        stays.
      </p>
    </Notice>
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

const ACTIONS: Record<ImportProblem["action"], [label: string, kind: string]> = {
  accepted: ["Accepted", "good"],
  added: ["Added", "accent"],
  refused: ["Refused", "bad"],
};

const COLUMNS: Column<{ at: number } & ImportProblem>[] = [
  { key: "line", header: "Line", isName: true, cell: ({ line }) => number(line) },
  {
    key: "column",
    header: "Column",
    cell: ({ column }) => column ?? <span class="muted">whole line</span>,
  },
  { key: "what", header: "What", cell: ({ what }) => sentence(what) },
  {
    key: "action",
    header: "Action",
    cell: ({ action }) => <span class={`badge ${ACTIONS[action][1]}`}>{ACTIONS[action][0]}</span>,
  },
];

/** So many rows are quickly drawn. */
const AT_ONCE = 200;

function Problems({ report: { problems, problems_total } }: { report: ImportReport }) {
  const [shown, setShown] = useState(AT_ONCE);
  if (problems_total === 0) return <p class="muted">Nothing was wrong with the file.</p>;
  const rows = problems.slice(0, shown).map((problem, at) => ({ at, ...problem }));
  const untold = problems_total - problems.length;
  return (
    <section class="import-problems" aria-label="Problems">
      <h3>{plural(problems_total, "problem")}</h3>
      <Table
        caption="Problems by line"
        columns={COLUMNS}
        rows={rows}
        rowKey={({ at }) => at}
        empty={<p class="muted">The server tells none of them.</p>}
      />
      {shown < problems.length && (
        <button type="button" class="quiet" onClick={() => setShown(shown + AT_ONCE)}>
          Show more ({number(problems.length - shown)} left)
        </button>
      )}
      {shown >= problems.length && untold > 0 && (
        <p class="help">The server tells no more than these; there are {number(untold)} more.</p>
      )}
    </section>
  );
}
