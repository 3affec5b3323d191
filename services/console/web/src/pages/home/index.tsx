import { zoneName } from "../../format";
import { Card } from "../../parts/Card";
import { PageHead } from "../../parts/PageHead";
import { Empty, ErrorState, Skeleton } from "../../parts/States";
import { TimeText } from "../../parts/TimeText";
import type { Venue } from "../../api/venues";
import { getOccupancy } from "../../api/occupancy";
import { mayAnywhere, mayEverywhere } from "../../session/rights";
import { useSession } from "../../session/session";
import { refreshVenues, useVenues } from "../../session/venues";
import { getDayCurves } from "../../statistics/today";
import { useResource } from "../../useResource";
import { Figures } from "./Figures";
import { SilentNodes } from "./SilentNodes";
import { SingleVenue } from "./SingleVenue";
import { VenueTile } from "./VenueTile";
import "./home.css";

/** What goes on now, in all venues. */
export default function Home() {
  const { venues, error } = useVenues();
  if (!venues) {
    return (
      <div class="page">
        <PageHead title="Overview" />
        <Card>
          {error ? (
            <ErrorState title="The venues could not be loaded" error={error} onRetry={refreshVenues} />
          ) : (
            <Skeleton lines={8} what="Loading the venues" />
          )}
        </Card>
      </div>
    );
  }
  return venues.length === 0 ? <NoVenue /> : <Now venues={venues} />;
}

/** How often people are counted anew. */
const OCCUPANCY_MS = 3_000;
const CURVE_MS = 60_000;
/** With more venues than this a curve has fewer points: nobody would see more in a small one. */
const DETAILED_UP_TO = 4;

function Now({ venues }: { venues: Venue[] }) {
  const { roles } = useSession();
  const slugs = venues.map(({ slug }) => slug);
  const key = slugs.join(",");
  const occupancy = useResource((signal) => getOccupancy(slugs, signal), [key], { everyMs: OCCUPANCY_MS });
  const bucket = venues.length > DETAILED_UP_TO ? "30m" : "15m";
  const curves = useResource((signal) => getDayCurves(venues, bucket, signal), [key], { everyMs: CURVE_MS });
  const nowOf = (slug: string) => occupancy.data?.venues.find(({ venue }) => venue === slug);
  const [only] = venues.length === 1 ? venues : [];
  return (
    <div class="page">
      <PageHead
        title="Overview"
        intro={
          <>
            What goes on now.{" "}
            {occupancy.data && (
              <>
                As of <TimeText at={occupancy.data.at} />, {zoneName(Date.now())}.
              </>
            )}
          </>
        }
      />
      {occupancy.error && (
        <p class="help bad" role="alert">
          Who is there now could not be asked: {occupancy.error.message}
        </p>
      )}
      <Figures venues={venues} occupancy={occupancy.data} />
      {only ? (
        <SingleVenue
          venue={only}
          now={nowOf(only.slug)}
          curve={curves.data?.get(only.slug)}
          loading={!curves.data && !curves.error}
        />
      ) : (
        <section class="venue-tiles" aria-label="Venues">
          {/* By name: tiles that change places while people come and go could not be found again. */}
          {venues.map((venue) => (
            <VenueTile
              key={venue.slug}
              venue={venue}
              now={nowOf(venue.slug)}
              curve={curves.data?.get(venue.slug)}
              loading={!occupancy.data && !occupancy.error}
            />
          ))}
        </section>
      )}
      {curves.error && (
        <p class="help bad" role="alert">
          The curves of today could not be loaded: {curves.error.message}
        </p>
      )}
      {mayAnywhere(roles, "operator") && <SilentNodes venues={venues} />}
    </div>
  );
}

function NoVenue() {
  const { roles } = useSession();
  const mayCreate = mayEverywhere(roles, "admin");
  return (
    <div class="page">
      <PageHead title="Overview" />
      <Card>
        <Empty title="There is no venue yet" icon="venue">
          {mayCreate ? (
            <>
              <p>
                A venue is a place with cameras. Make one, then a node in it: the node says with its key what
                its cameras see, and this page shows it.
              </p>
              <a class="button" href="/venues">
                Make the first venue
              </a>
            </>
          ) : (
            <p>No venue is shared with you yet. Ask an administrator for a role in one.</p>
          )}
        </Empty>
      </Card>
    </div>
  );
}
