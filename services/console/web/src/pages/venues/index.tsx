import { useState } from "preact/hooks";
import { listVenues, type Venue } from "../../api/venues";
import { Icon } from "../../parts/Icon";
import { PageHead } from "../../parts/PageHead";
import { Empty, Loaded } from "../../parts/States";
import { setQuery } from "../../router";
import type { PageProps } from "../../routes";
import { mayEverywhere } from "../../session/rights";
import { useSession } from "../../session/session";
import { refreshVenues } from "../../session/venues";
import { useResource } from "../../useResource";
import { CreateVenue } from "./CreateVenue";
import { EditVenue } from "./EditVenue";
import { PictureSettings } from "./PictureSettings";
import { RetireVenue } from "./RetireVenue";
import { VenueCard } from "./VenueCard";
import "./venues.css";

type Opened = { what: "create" } | { what: "edit" | "pictures" | "retire"; venue: Venue } | undefined;

/** The venues, and the cameras of each. */
export default function Venues({ address }: PageProps) {
  const { roles } = useSession();
  const retired = address.searchParams.has("retired");
  const venues = useResource(async (signal) => byName(await listVenues({ signal, retired })), [retired]);
  const [opened, setOpened] = useState<Opened>();
  const mayCreate = mayEverywhere(roles, "admin");
  const close = () => setOpened(undefined);
  const done = () => {
    close();
    venues.reload();
    void refreshVenues();
  };
  const create = (
    <button type="button" onClick={() => setOpened({ what: "create" })}>
      <Icon name="plus" />
      Create a venue
    </button>
  );
  return (
    <div class="page">
      <PageHead
        title="Venues and cameras"
        intro="A venue has a time zone, in which its days and hours are counted. Its cameras appear with their first frame."
        actions={mayCreate && create}
      />
      <Loaded resource={venues} what="The venues" lines={8}>
        {(list) =>
          list.length === 0 ? (
            <section class="card">
              <Empty title="There is no venue yet" icon="venue">
                <p>
                  {mayCreate
                    ? "Create the first one, then give it a node."
                    : "An administrator can create one."}
                </p>
                {mayCreate && create}
              </Empty>
            </section>
          ) : (
            list.map((venue) => (
              <VenueCard
                key={venue.slug}
                venue={venue}
                onEdit={() => setOpened({ what: "edit", venue })}
                onPictures={() => setOpened({ what: "pictures", venue })}
                onRetire={() => setOpened({ what: "retire", venue })}
              />
            ))
          )
        }
      </Loaded>
      <label class="check">
        <input
          type="checkbox"
          checked={retired}
          onChange={() => setQuery({ retired: retired ? null : "true" })}
        />
        Show retired venues, too
      </label>
      {opened?.what === "create" && <CreateVenue onDone={done} onClose={close} />}
      {opened?.what === "edit" && <EditVenue venue={opened.venue} onDone={done} onClose={close} />}
      {opened?.what === "pictures" && <PictureSettings venue={opened.venue} onDone={done} onClose={close} />}
      {opened?.what === "retire" && <RetireVenue venue={opened.venue} onDone={done} onClose={close} />}
    </div>
  );
}

const byName = (venues: Venue[]): Venue[] =>
  venues.sort(
    (a, b) => Number(a.retired_at !== null) - Number(b.retired_at !== null) || a.name.localeCompare(b.name),
  );
