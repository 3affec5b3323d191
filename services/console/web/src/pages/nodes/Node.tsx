import { useState } from "preact/hooks";
import { getNode, listNodeStates, type NodeRow, type NodeState } from "../../api/nodes";
import { number, seconds } from "../../format";
import { Card } from "../../parts/Card";
import { PageHead } from "../../parts/PageHead";
import { Loaded } from "../../parts/States";
import { TimeText } from "../../parts/TimeText";
import type { PageProps } from "../../routes";
import { may } from "../../session/rights";
import { useSession } from "../../session/session";
import { useVenues } from "../../session/venues";
import { useResource } from "../../useResource";
import { RenameNode, RetireNode } from "./ChangeNode";
import { Delay } from "./Delay";
import { Keys } from "./Keys";
import { LedgerCard } from "./LedgerCard";
import { NodeStatus } from "./NodeStatus";
import "./nodes.css";

const REFRESH_MS = 5_000;

/** One device: how it is doing, its keys, and what became of what it sent. */
export default function NodePage({ params }: PageProps) {
  const id = params["node"] ?? "";
  const node = useResource((signal) => getNode(id, signal), [id]);
  return (
    <div class="page">
      <Loaded resource={node} what="The node" lines={8}>
        {(found) => <Node node={found} onChanged={node.reload} />}
      </Loaded>
    </div>
  );
}

function Node({ node, onChanged }: { node: NodeRow; onChanged: () => void }) {
  const { roles } = useSession();
  const { venues } = useVenues();
  const [opened, setOpened] = useState<"rename" | "retire">();
  const venue = venues?.find(({ slug }) => slug === node.venue);
  const states = useResource(
    (signal) => listNodeStates(signal, { venue: node.venue, retired: true }),
    [node.venue],
    { everyMs: REFRESH_MS },
  );
  const close = () => setOpened(undefined);
  return (
    <>
      <PageHead
        title={node.name}
        intro={
          <>
            Node <code>{node.slug}</code> of{" "}
            <a href={`/venues/${encodeURIComponent(node.venue)}`}>{venue?.name ?? node.venue}</a>
            {node.retired_at && " · retired"}
          </>
        }
        actions={
          may(roles, "admin", node.venue) &&
          !node.retired_at && (
            <>
              <button type="button" class="quiet" onClick={() => setOpened("rename")}>
                Rename
              </button>
              <button type="button" class="quiet danger" onClick={() => setOpened("retire")}>
                Retire
              </button>
            </>
          )
        }
      />
      <Card title="Now">
        <Loaded resource={states} what="How the node is doing" lines={2}>
          {(list) => {
            const state = list.find(({ id }) => id === node.id);
            return state ? <Figures state={state} zone={venue?.time_zone} /> : null;
          }}
        </Loaded>
      </Card>
      <Keys node={node} />
      <LedgerCard node={node.id} zone={venue?.time_zone} />
      {opened === "rename" && <RenameNode node={node} onDone={onChanged} onClose={close} />}
      {opened === "retire" && <RetireNode node={node} onDone={onChanged} onClose={close} />}
    </>
  );
}

function Figures({ state, zone }: { state: NodeState; zone: string | undefined }) {
  return (
    <dl class="key-figures">
      <div>
        <dt>Status</dt>
        <dd>
          <NodeStatus status={state.status} />
        </dd>
      </div>
      <div>
        <dt>Last heard</dt>
        <dd>
          <TimeText at={state.last_received_at} zone={zone} relative none="never" />
        </dd>
      </div>
      <div>
        <dt>Frames/s</dt>
        <dd>{number(state.frames_per_second, 1)}</dd>
      </div>
      <div>
        <dt title="From when a frame is taken, by the node's clock, to when it comes in">Delay</dt>
        <dd>
          <Delay value={state.delay_seconds} />
        </dd>
      </div>
      <div>
        <dt>Cameras</dt>
        <dd>{number(state.cameras)}</dd>
      </div>
      <div>
        <dt>Program</dt>
        <dd>{state.agent ? <span class="mono">{state.agent}</span> : "–"}</dd>
      </div>
      {state.delay_seconds !== null && state.delay_seconds > 60 && (
        <p class="help">
          Frames come in {seconds(state.delay_seconds)} after they were taken: the node is sending a backlog,
          or its clock is behind.
        </p>
      )}
    </dl>
  );
}
