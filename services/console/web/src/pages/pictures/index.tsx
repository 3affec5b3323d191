import type { Venue } from "../../api/venues";
import { zoneName } from "../../format";
import { Icon } from "../../parts/Icon";
import { PageHead } from "../../parts/PageHead";
import { Empty, ErrorState, Skeleton } from "../../parts/States";
import { setQuery } from "../../router";
import type { PageProps } from "../../routes";
import { may } from "../../session/rights";
import { useSession } from "../../session/session";
import { refreshVenues, useVenues } from "../../session/venues";
import { Filters } from "./Filters";
import { Gallery } from "./Gallery";
import { asked } from "./query";
import "./gallery.css";

/** The pictures of a venue, the newest first. What is looked for is in the address. */
export default function Pictures({ address }: PageProps) {
  const { roles } = useSession();
  const { venues, error } = useVenues();
  const slug = address.searchParams.get("venue");
  const venue = slug ? venues?.find((one) => one.slug === slug) : venues?.[0];
  const mayUpload = venue && may(roles, "operator", venue.slug);
  return (
    <div class="page">
      <PageHead
        title="Pictures"
        intro={
          venue &&
          `People are made unrecognisable before a picture is shown, unless the venue’s settings say otherwise. Times are those of ${zoneName(Date.now(), venue.time_zone)}.`
        }
        actions={
          mayUpload && (
            <a class="button" href={`/pictures/upload?venue=${encodeURIComponent(venue.slug)}`}>
              <Icon name="up" />
              Upload pictures
            </a>
          )
        }
      />
      {venue ? (
        <Found params={address.searchParams} venue={venue} venues={venues ?? []} />
      ) : (
        <section class="card">
          {venues ? (
            <Empty title={slug ? `You see no venue “${slug}”` : "There is no venue yet"} icon="venue" />
          ) : error ? (
            <ErrorState title="The venues could not be loaded" error={error} onRetry={refreshVenues} />
          ) : (
            <Skeleton lines={10} />
          )}
        </section>
      )}
    </div>
  );
}

function Found({ params, venue, venues }: { params: URLSearchParams; venue: Venue; venues: Venue[] }) {
  const wanted = asked(params, venue.time_zone);
  const hasBoxes = !params.has("plain");
  return (
    <>
      <Filters key={venue.slug} params={params} venue={venue} venues={venues} />
      <label class="check">
        <input
          type="checkbox"
          checked={hasBoxes}
          onChange={() => setQuery({ plain: hasBoxes ? "true" : null })}
        />
        Draw boxes
      </label>
      <Gallery key={JSON.stringify([venue.slug, wanted])} venue={venue} wanted={wanted} hasBoxes={hasBoxes} />
    </>
  );
}
