import { listNodeStates } from "../../api/nodes";
import type { Venue } from "../../api/venues";
import { plural } from "../../format";
import { Card } from "../../parts/Card";
import { Icon } from "../../parts/Icon";
import { TimeText } from "../../parts/TimeText";
import { Loaded } from "../../parts/States";
import { useResource } from "../../useResource";

const EVERY_MS = 15_000;

/** Nodes that sent before and do not any more; for operators. */
export function SilentNodes({ venues }: { venues: Venue[] }) {
  const nodes = useResource((signal) => listNodeStates(signal), [], { everyMs: EVERY_MS });
  const zoneOf = (slug: string) => venues.find((venue) => venue.slug === slug)?.time_zone;
  const nameOf = (slug: string) => venues.find((venue) => venue.slug === slug)?.name ?? slug;
  return (
    <Card title="Nodes" actions={<a href="/nodes">All nodes</a>}>
      <Loaded resource={nodes} what="The nodes" lines={2}>
        {(all) => {
          // Nodes of a venue that is retired do not work any more, and are not missed.
          const used = all.filter(
            ({ retired_at, venue }) => !retired_at && venues.some(({ slug }) => slug === venue),
          );
          const silent = used.filter(({ status }) => status === "silent");
          const online = used.filter(({ status }) => status === "online").length;
          if (silent.length === 0) return <AllWell online={online} all={used.length} />;
          return (
            <>
              <p class="silent-count">
                <Icon name="warn" /> {plural(silent.length, "node is", "nodes are")} silent, {online} of{" "}
                {used.length} send.
              </p>
              <ul class="silent-nodes">
                {silent.map(({ id, venue, slug, name, last_received_at }) => (
                  <li key={id}>
                    <a href={`/nodes/${encodeURIComponent(id)}`}>{name || slug}</a>
                    <span class="muted">{nameOf(venue)}</span>
                    <span class="silent-since">
                      last heard <TimeText at={last_received_at} zone={zoneOf(venue)} relative />
                    </span>
                  </li>
                ))}
              </ul>
            </>
          );
        }}
      </Loaded>
    </Card>
  );
}

function AllWell({ online, all }: { online: number; all: number }) {
  if (all === 0) {
    return (
      <p class="muted">
        There is no node yet. <a href="/nodes">Make one</a>: it sends what the cameras of a venue see.
      </p>
    );
  }
  return (
    <p class="all-well">
      <Icon name="check" />{" "}
      {online === all
        ? `All ${all === 1 ? "is well: the only node sends" : `${all} nodes send`}.`
        : `No node has fallen silent; ${online} of ${all} send.`}
    </p>
  );
}
