import { useState } from "preact/hooks";
import { type CameraRow, listCameras } from "../../api/cameras";
import type { Venue } from "../../api/venues";
import { Card } from "../../parts/Card";
import { Loaded } from "../../parts/States";
import { type Column, Table } from "../../parts/Table";
import { TimeText } from "../../parts/TimeText";
import { may } from "../../session/rights";
import { useSession } from "../../session/session";
import { type Resource, useResource } from "../../useResource";
import { ImportCounts } from "./ImportCounts";
import { TitleCamera } from "./TitleCamera";

interface Props {
  venue: Venue;
  onEdit: () => void;
  onPictures: () => void;
  onRetire: () => void;
}

export function VenueCard({ venue, onEdit, onPictures, onRetire }: Props) {
  const { roles } = useSession();
  const cameras = useResource((signal) => listCameras(venue.slug, { signal }), [venue.slug]);
  const [isImporting, setImporting] = useState(false);
  const isRetired = venue.retired_at !== null;
  const whose = <span class="visually-hidden"> {venue.name}</span>;
  return (
    <Card
      class="venue-card"
      title={
        <>
          {isRetired ? venue.name : <a href={`/venues/${encodeURIComponent(venue.slug)}`}>{venue.name}</a>}{" "}
          {isRetired && <span class="badge">Retired</span>}
        </>
      }
      intro={
        <>
          <span class="mono">{venue.slug}</span> · {venue.time_zone}
          {isRetired && (
            <>
              {" "}
              · retired <TimeText at={venue.retired_at} zone={venue.time_zone} />
            </>
          )}
        </>
      }
      actions={
        !isRetired && (
          <>
            {may(roles, "operator", venue.slug) && (
              <button type="button" class="quiet small" onClick={() => setImporting(true)}>
                Import counts<span class="visually-hidden"> into {venue.name}</span>
              </button>
            )}
            {may(roles, "admin", venue.slug) && (
              <>
                <button type="button" class="quiet small" onClick={onEdit}>
                  Edit{whose}
                </button>
                <button type="button" class="quiet small" onClick={onPictures}>
                  Pictures<span class="visually-hidden"> of {venue.name}</span>
                </button>
                <button type="button" class="quiet small danger" onClick={onRetire}>
                  Retire{whose}
                </button>
              </>
            )}
          </>
        )
      }
    >
      <Cameras venue={venue} cameras={cameras} mayTitle={!isRetired && may(roles, "operator", venue.slug)} />
      {isImporting && (
        <ImportCounts venue={venue} onDone={cameras.reload} onClose={() => setImporting(false)} />
      )}
    </Card>
  );
}

interface CamerasProps {
  venue: Venue;
  cameras: Resource<CameraRow[]>;
  mayTitle: boolean;
}

function Cameras({ venue, cameras, mayTitle }: CamerasProps) {
  const [edited, setEdited] = useState<CameraRow>();
  const columns: Column<CameraRow>[] = [
    { key: "title", header: "Camera", isName: true, cell: ({ title, name }) => title ?? name },
    {
      key: "name",
      header: "Node / name",
      cell: ({ node_slug, name }) => (
        <span class="mono">
          {node_slug}/{name}
        </span>
      ),
    },
    {
      key: "since",
      header: "First frame",
      cell: ({ first_seen_at }) => <TimeText at={first_seen_at} zone={venue.time_zone} />,
    },
  ];
  const actions: Column<CameraRow> = {
    key: "actions",
    header: "Actions",
    isActions: true,
    cell: (camera) => (
      <button type="button" class="quiet small" onClick={() => setEdited(camera)}>
        {camera.title ? "Change title" : "Give a title"}
        <span class="visually-hidden"> of {camera.name}</span>
      </button>
    ),
  };
  return (
    <>
      <Loaded resource={cameras} what="The cameras" lines={2}>
        {(list) => (
          <Table
            caption={`Cameras of ${venue.name}`}
            columns={mayTitle ? [...columns, actions] : columns}
            rows={list}
            rowKey={({ id }) => id}
            empty={<p class="muted">No camera has sent a frame yet.</p>}
          />
        )}
      </Loaded>
      {edited && (
        <TitleCamera
          venue={venue}
          camera={edited}
          onDone={() => {
            setEdited(undefined);
            cameras.reload();
          }}
          onClose={() => setEdited(undefined)}
        />
      )}
    </>
  );
}
