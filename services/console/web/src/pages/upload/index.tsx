import { useEffect, useMemo, useState } from "preact/hooks";
import { ImageUploads } from "../../api/imageUploads";
import { listNodeStates, type NodeState } from "../../api/nodes";
import type { Venue } from "../../api/venues";
import { Card } from "../../parts/Card";
import { Field } from "../../parts/Form";
import { PageHead } from "../../parts/PageHead";
import { Empty, Loaded } from "../../parts/States";
import { setQuery } from "../../router";
import type { PageProps } from "../../routes";
import { may } from "../../session/rights";
import { useSession } from "../../session/session";
import { useVenues } from "../../session/venues";
import { useStore } from "../../store";
import { useResource } from "../../useResource";
import { DropZone } from "./DropZone";
import { ItemRow } from "./Item";
import { isUnderWay, UploadQueue } from "./queue";
import "./upload.css";

/** Sends pictures by hand, in the name of a node. */
export default function Upload({ address }: PageProps) {
  const { roles } = useSession();
  const { venues } = useVenues();
  const mine = venues?.filter(({ slug }) => may(roles, "operator", slug));
  const venue = mine?.find(({ slug }) => slug === address.searchParams.get("venue")) ?? mine?.[0];
  const queue = useMemo(() => new UploadQueue(), []);
  useEffect(() => () => queue.close(), [queue]);
  return (
    <div class="page">
      <PageHead
        title="Upload pictures"
        intro="They go the same way as those of a node, and people are made unrecognisable in them just so."
        actions={
          venue && (
            <a class="button quiet" href={`/pictures?venue=${encodeURIComponent(venue.slug)}`}>
              Pictures of {venue.name}
            </a>
          )
        }
      />
      {mine && venue ? (
        <ForVenue key={venue.slug} venue={venue} venues={mine} queue={queue} />
      ) : (
        mine && (
          <section class="card">
            <Empty title="There is no venue yet" icon="venue" />
          </section>
        )
      )}
      <Items queue={queue} />
    </div>
  );
}

interface Props {
  venue: Venue;
  venues: Venue[];
  queue: UploadQueue;
}

function ForVenue({ venue, venues, queue }: Props) {
  const load = (signal: AbortSignal) => listNodeStates(signal, { venue: venue.slug });
  const nodes = useResource(load, [venue.slug]);
  return (
    <Card class="upload">
      <Field label="Venue">
        {(control) => (
          <select
            {...control}
            value={venue.slug}
            onChange={(event) => setQuery({ venue: event.currentTarget.value })}
          >
            {venues.map(({ slug, name }) => (
              <option key={slug} value={slug}>
                {name}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Loaded resource={nodes} what="The nodes" lines={4}>
        {(list) => {
          const usable = list.filter(({ retired_at }) => retired_at === null);
          return usable.length === 0 ? <NoNode /> : <Sender nodes={usable} queue={queue} />;
        }}
      </Loaded>
    </Card>
  );
}

function NoNode() {
  return (
    <Empty title="This venue has no node" icon="node">
      <p>Pictures belong to a node. Create one first.</p>
      <a class="button quiet" href="/nodes">
        Nodes
      </a>
    </Empty>
  );
}

type Taken = "now" | "file";

function Sender({ nodes, queue }: { nodes: NodeState[]; queue: UploadQueue }) {
  const [chosen, setNode] = useState<string>();
  const node = nodes.find(({ id }) => id === chosen) ?? nodes[0];
  const uploads = useMemo(() => new ImageUploads(node?.id ?? ""), [node?.id]);
  const [camera, setCamera] = useState("");
  const [taken, setTaken] = useState<Taken>("now");
  const [boxes, setBoxes] = useState("");
  const send = (files: File[]) =>
    queue.add(files, (file, { id, ...sending }) => {
      const captured_at = taken === "file" ? new Date(file.lastModified).toISOString() : undefined;
      const facts = { id, captured_at, camera: camera.trim(), boxes: boxes.trim() };
      return uploads.send(file, facts, sending);
    });
  return (
    <>
      <div class="upload-facts">
        <Field label="Node">
          {(control) => (
            <select {...control} value={node?.id} onChange={(event) => setNode(event.currentTarget.value)}>
              {nodes.map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label="Camera" help="Optional: what the node calls it.">
          {(control) => (
            <input
              {...control}
              class="mono"
              autocomplete="off"
              autocapitalize="off"
              spellcheck={false}
              maxLength={200}
              value={camera}
              onInput={(event) => setCamera(event.currentTarget.value)}
            />
          )}
        </Field>
        <Field label="Captured">
          {(control) => (
            <select
              {...control}
              value={taken}
              onChange={(event) => setTaken(event.currentTarget.value as Taken)}
            >
              <option value="now">When it is received</option>
              <option value="file">When the file was changed last</option>
            </select>
          )}
        </Field>
      </div>
      <details>
        <summary>Boxes</summary>
        <Field
          label="Boxes of every picture that follows"
          help={
            <>
              Optional JSON such as{" "}
              <code>{'[{"class":"person","confidence":0.9,"box":[0.1,0.2,0.1,0.4]}]'}</code>: left, top, width
              and height as parts of the picture; <code>[]</code> says that nobody is on it. Without boxes,
              and without detections of the same camera and time, all of a picture is made unrecognisable.
            </>
          }
        >
          {(control) => (
            <textarea
              {...control}
              class="mono"
              rows={3}
              spellcheck={false}
              value={boxes}
              onInput={(event) => setBoxes(event.currentTarget.value)}
            />
          )}
        </Field>
      </details>
      <DropZone onFiles={send} />
    </>
  );
}

function Items({ queue }: { queue: UploadQueue }) {
  const items = useStore(queue.items);
  if (items.length === 0) return null;
  const left = items.filter(({ state }) => isUnderWay(state)).length;
  return (
    <Card
      title="Sent from here"
      intro={
        left > 0 ? `${left} of ${items.length} still to be sent: stay on this page until then.` : undefined
      }
      actions={
        <button type="button" class="quiet small" onClick={() => queue.tidy()}>
          Clear the list
        </button>
      }
    >
      <ol class="upload-items" aria-label="Files">
        {items.map((item) => (
          <ItemRow key={item.id} item={item} queue={queue} />
        ))}
      </ol>
    </Card>
  );
}
