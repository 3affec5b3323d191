import type { Venue } from "../../api/venues";
import { zoneName } from "../../format";
import { Card } from "../../parts/Card";
import { PageHead } from "../../parts/PageHead";
import { Empty, ErrorState, Skeleton } from "../../parts/States";
import type { PageProps } from "../../routes";
import { viewerToken } from "../../session/session";
import { refreshVenues, useVenues } from "../../session/venues";
import { statisticsAddress } from "../../statistics/query";
import { VenueClock } from "../../time";
import { useMemo } from "preact/hooks";
import { useNow } from "../../useNow";
import { ConnectionStatus } from "../../parts/ConnectionStatus";
import { GapList } from "../../parts/GapList";
import { Cameras } from "../live/VenueView";
import { useVenueFeed } from "../live/useVenueFeed";
import { Day } from "./Day";
import { Figures } from "./Figures";
import { Heat } from "./Heat";
import "../live/live.css";
import "./venue.css";

/** One venue: what its cameras see now, its day, and where people stand. */
export default function VenuePage({ params }: PageProps) {
  const slug = params["venue"] ?? "";
  const { venues, error } = useVenues();
  const venue = venues?.find((one) => one.slug === slug);
  if (venue) return <Watched key={slug} venue={venue} />;
  return (
    <div class="page">
      <PageHead title={slug} />
      <Card>
        {!venues && error && (
          <ErrorState title="The venue could not be loaded" error={error} onRetry={refreshVenues} />
        )}
        {!venues && !error && <Skeleton lines={10} what="Loading the venue" />}
        {venues && (
          <Empty title={`You see no venue “${slug}”`} icon="venue">
            <p>It may be retired, or your roles do not include it.</p>
            <a class="button quiet" href="/">
              Overview
            </a>
          </Empty>
        )}
      </Card>
    </div>
  );
}

function Watched({ venue }: { venue: Venue }) {
  const { feed, status, refusal, loadProblem, retry } = useVenueFeed(venue.slug, viewerToken);
  const clock = useMemo(() => new VenueClock(venue.time_zone), [venue.time_zone]);
  const now = useNow(1000);
  return (
    <div class="page venue-page">
      <PageHead
        title={venue.name}
        intro={
          <>
            <time class="clock">{clock.second(now)}</time>, {zoneName(now, venue.time_zone)}
          </>
        }
        actions={
          <>
            <ConnectionStatus status={status} now={now} onRetry={retry} />
            <a class="button quiet" href={statisticsAddress({ venues: [venue.slug], classes: ["person"] })}>
              Statistics
            </a>
            <a class="button quiet" href={`/pictures?venue=${encodeURIComponent(venue.slug)}`}>
              Pictures
            </a>
          </>
        }
      />
      {refusal && (
        <p class="help bad" role="alert">
          {refusal.message}
        </p>
      )}
      {loadProblem && (
        <p class="help bad" role="alert">
          The list of cameras could not be loaded: {loadProblem}
        </p>
      )}
      <Figures venue={venue} />
      <Cameras feed={feed} clock={clock} now={now} venue={venue} connected={status.state === "live"} />
      <GapList gaps={feed.gaps} clock={clock} />
      <div class="venue-past">
        <Day venue={venue} />
        {feed.cameras.length > 0 && <Heat venue={venue} cameras={feed.cameras} now={now} />}
      </div>
    </div>
  );
}
