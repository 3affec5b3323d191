import type { Service } from "../../api/system";
import { sentence } from "../../api/client";
import { Empty } from "../../parts/States";
import { type Column, Table } from "../../parts/Table";
import { TimeText } from "../../parts/TimeText";

const COLUMNS: Column<Service>[] = [
  {
    key: "service",
    header: "Service",
    isName: true,
    sort: ({ service, target }) => `${service} ${target}`,
    cell: ({ service, target }) => (
      <>
        {service} <span class="help mono">{target}</span>
      </>
    ),
  },
  {
    key: "ready",
    header: "State",
    sort: ({ ready }) => Number(ready),
    cell: ({ ready, reason }) =>
      ready ? (
        <span class="badge good">Ready</span>
      ) : (
        <>
          <span class="badge bad">Not ready</span>
          {reason && <p class="help">{sentence(reason)}</p>}
        </>
      ),
  },
  {
    key: "version",
    header: "Version",
    sort: ({ version }) => version ?? undefined,
    cell: ({ version }) => version ?? <span class="muted">–</span>,
  },
  {
    key: "started",
    header: "Started",
    sort: ({ started_at }) => (started_at ? -Date.parse(started_at) : undefined),
    cell: ({ started_at }) => <TimeText at={started_at} relative />,
  },
];

export function ServiceTable({ services }: { services: Service[] }) {
  return (
    <Table
      caption="Services, and whether they are ready"
      columns={COLUMNS}
      rows={services}
      rowKey={({ service, target }) => `${service} ${target}`}
      sortedBy="ready"
      empty={<Empty title="No service is known" level={3} />}
    />
  );
}
