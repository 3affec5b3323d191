import { useState } from "preact/hooks";
import { listNodeStates, type NodeState } from "../../api/nodes";
import { number } from "../../format";
import { Card } from "../../parts/Card";
import { Icon } from "../../parts/Icon";
import { PageHead } from "../../parts/PageHead";
import { Empty, Loaded } from "../../parts/States";
import { type Column, Table } from "../../parts/Table";
import { TimeText } from "../../parts/TimeText";
import { setQuery } from "../../router";
import type { PageProps } from "../../routes";
import { may } from "../../session/rights";
import { useSession } from "../../session/session";
import { useVenues } from "../../session/venues";
import { useResource } from "../../useResource";
import { CreateNode } from "./CreateNode";
import { Delay } from "./Delay";
import { NodeStatus } from "./NodeStatus";
import "./nodes.css";

const REFRESH_MS = 5_000;
const STATUSES: [NodeState["status"] | "", string][] = [
  ["", "All"],
  ["online", "Online"],
  ["silent", "Silent"],
  ["never", "Never heard of"],
];

/** The devices that send detections: which are there, and how they are doing. */
export default function Nodes({ address }: PageProps) {
  const { roles } = useSession();
  const { venues } = useVenues();
  const [isCreating, setCreating] = useState(false);
  const venue = address.searchParams.get("venue") ?? "";
  const status = address.searchParams.get("status") ?? "";
  const nodes = useResource((signal) => listNodeStates(signal, { venue: venue || undefined }), [venue], {
    everyMs: REFRESH_MS,
  });
  const mine = venues?.filter(({ slug }) => may(roles, "operator", slug)) ?? [];
  return (
    <div class="page">
      <PageHead
        title="Nodes"
        intro="The devices that send detections, and how they are doing right now."
        actions={
          mine.length > 0 && (
            <button type="button" onClick={() => setCreating(true)}>
              <Icon name="plus" />
              Create a node
            </button>
          )
        }
      />
      <Card>
        <div class="node-filters">
          <label>
            <span>Venue</span>
            <select value={venue} onChange={(event) => setQuery({ venue: event.currentTarget.value })}>
              <option value="">All venues</option>
              {mine.map(({ slug, name }) => (
                <option key={slug} value={slug}>
                  {name}
                </option>
              ))}
            </select>
          </label>
          <label>
            <span>Status</span>
            <select value={status} onChange={(event) => setQuery({ status: event.currentTarget.value })}>
              {STATUSES.map(([value, label]) => (
                <option key={value} value={value}>
                  {label}
                </option>
              ))}
            </select>
          </label>
        </div>
        <Loaded resource={nodes} what="The nodes" lines={6}>
          {(list) => (
            <NodeTable
              nodes={list.filter((node) => !status || node.status === status)}
              isFiltered={list.length > 0}
            />
          )}
        </Loaded>
      </Card>
      {isCreating && (
        <CreateNode venues={mine} venue={venue || undefined} onClose={() => setCreating(false)} />
      )}
    </div>
  );
}

function NodeTable({ nodes, isFiltered }: { nodes: NodeState[]; isFiltered: boolean }) {
  const { venues } = useVenues();
  const nameOf = (slug: string) => venues?.find((venue) => venue.slug === slug)?.name ?? slug;
  const zoneOf = (slug: string) => venues?.find((venue) => venue.slug === slug)?.time_zone;
  const columns: Column<NodeState>[] = [
    {
      key: "name",
      header: "Node",
      isName: true,
      sort: (node) => `${nameOf(node.venue)} ${node.name}`,
      cell: (node) => (
        <>
          <a href={`/nodes/${node.id}`}>{node.name}</a> <span class="help">{nameOf(node.venue)}</span>
        </>
      ),
    },
    {
      key: "status",
      header: "Status",
      sort: (node) => ["silent", "never", "online"].indexOf(node.status),
      cell: (node) => <NodeStatus status={node.status} />,
    },
    {
      key: "seen",
      header: "Last heard",
      sort: (node) => (node.last_received_at ? -Date.parse(node.last_received_at) : undefined),
      cell: (node) => <TimeText at={node.last_received_at} zone={zoneOf(node.venue)} relative none="never" />,
    },
    {
      key: "rate",
      header: "Frames/s",
      align: "end",
      sort: (node) => node.frames_per_second ?? undefined,
      cell: (node) => number(node.frames_per_second, 1),
    },
    {
      key: "delay",
      header: "Delay",
      align: "end",
      sort: (node) => node.delay_seconds ?? undefined,
      cell: (node) => <Delay value={node.delay_seconds} />,
    },
    {
      key: "missing",
      header: "Missing",
      align: "end",
      sort: (node) => node.missing,
      cell: (node) => number(node.missing),
    },
    {
      key: "agent",
      header: "Program",
      sort: (node) => node.agent ?? undefined,
      cell: (node) => (node.agent ? <span class="mono">{node.agent}</span> : <span class="muted">–</span>),
    },
  ];
  return (
    <Table
      caption="Nodes, when they were last heard, and how they send"
      columns={columns}
      rows={nodes}
      rowKey={(node) => node.id}
      sortedBy="name"
      empty={
        isFiltered ? (
          <p class="muted">No node has this status.</p>
        ) : (
          <Empty title="There is no node yet" icon="info">
            <p>Create one for each device: it gets a key, and you get the lines to start it with.</p>
          </Empty>
        )
      }
    />
  );
}
