import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Venue } from "../../api/venues";
import type { VenueFeed } from "../../live/feed";
import { refusalTitle } from "../../live/refusal";
import { CameraCard } from "../../parts/CameraCard";
import { ConnectionStatus } from "../../parts/ConnectionStatus";
import { GapList } from "../../parts/GapList";
import { MinutesChart } from "../../parts/MinutesChart";
import { go } from "../../router";
import { VenueClock } from "../../time";
import { useNow } from "../../useNow";
import { type TokenGiver, useVenueFeed } from "./useVenueFeed";

interface Props {
  venue: Venue;
  venues: Venue[];
  token: TokenGiver;
  /** What is shown when the viewer token is no longer accepted. */
  ended: (expired: boolean) => ComponentChildren;
}

export function VenueView({ venue, venues, token, ended }: Props) {
  const { feed, status, refusal, loadProblem, retry } = useVenueFeed(venue.slug, token);
  const [clock] = useState(() => new VenueClock(venue.time_zone));
  const now = useNow(1000);

  return (
    <div class="page live">
      <div class="live-head">
        <VenueChoice venue={venue} venues={venues} />
        <ConnectionStatus status={status} now={now} onRetry={retry} />
        <p class="muted">
          <time class="clock">{clock.second(now)}</time> {clock.zoneName(now)}
        </p>
      </div>

      {status.state === "stopped" && status.reason === "expired" && ended(true)}
      {status.state === "stopped" && status.reason === "unauthorized" && ended(false)}
      {refusal && (
        <div class="notice card" role="alert">
          <h2>{refusalTitle(refusal.code)}</h2>
          <p>{refusal.message}</p>
        </div>
      )}
      {loadProblem && <p class="help bad">The list of cameras could not be loaded: {loadProblem}</p>}

      <Figures feed={feed} now={now} />
      <Cameras feed={feed} clock={clock} now={now} venue={venue} connected={status.state === "live"} />
      {/* How many cameras there are decides where the chart stands: before that it would only jump. */}
      {(feed.loaded || feed.cameras.length > 0) && <MinutesChart feed={feed} clock={clock} now={now} />}
      <GapList gaps={feed.gaps} clock={clock} />
    </div>
  );
}

function VenueChoice({ venue, venues }: { venue: Venue; venues: Venue[] }) {
  useEffect(() => {
    document.title = `${venue.name} · CityTrack`;
  }, [venue.name]);
  if (venues.length === 1) return <h1>{venue.name}</h1>;
  const choose = (event: Event) =>
    go(`/live?venue=${encodeURIComponent((event.target as HTMLSelectElement).value)}`);
  return (
    <>
      <h1 class="visually-hidden">{venue.name}</h1>
      <select class="venue-choice" aria-label="Venue" value={venue.slug} onChange={choose}>
        {venues.map(({ slug, name }) => (
          <option key={slug} value={slug}>
            {name}
          </option>
        ))}
      </select>
    </>
  );
}

function Figures({ feed, now }: { feed: VenueFeed; now: number }) {
  const people = feed.cameras.map((camera) => camera.people(now));
  const live = people.filter((count) => count !== undefined);
  const rate = feed.cameras.reduce((sum, camera) => sum + camera.rate(now), 0);
  const total = live.length > 0 ? live.reduce((sum, count) => sum + count, 0) : "–";
  return (
    <dl class="figures">
      <div>
        <dt>People now</dt>
        <dd class="people-total">{total}</dd>
      </div>
      <div>
        <dt>Cameras</dt>
        <dd>
          {live.length}
          <span class="of">
            {" "}
            of {feed.cameras.length}
            <span class="roomy"> live</span>
          </span>
        </dd>
      </div>
      <div>
        <dt>Frames/s</dt>
        <dd>{rate > 0 ? Math.round(rate) : "–"}</dd>
      </div>
    </dl>
  );
}

interface CamerasProps {
  feed: VenueFeed;
  clock: VenueClock;
  now: number;
  venue: Venue;
  connected: boolean;
}

export function Cameras({ feed, clock, now, venue, connected }: CamerasProps) {
  if (feed.cameras.length > 0) {
    const lines = feed.lines();
    return (
      <section class="cameras" aria-label="Cameras">
        {feed.cameras.map((camera) => {
          const line = lines.findIndex((candidate) => candidate.camera === camera);
          return (
            <CameraCard
              key={camera.key}
              camera={camera}
              clock={clock}
              now={now}
              line={line}
              connected={connected}
            />
          );
        })}
      </section>
    );
  }
  if (!feed.loaded) {
    return (
      <div class="cameras" aria-busy="true">
        <div class="camera placeholder" />
        <div class="camera placeholder" />
        <div class="camera placeholder" />
      </div>
    );
  }
  return (
    <section class="card empty" aria-label="Cameras">
      <h2>No camera has sent a frame yet</h2>
      <p>
        A camera appears here with its first frame. Give a node of <strong>{venue.name}</strong> a node key,
        and let it send; or replay a recording with <code>citytrack-node replay</code>.
      </p>
    </section>
  );
}
