import type { VenueOccupancy } from "../../api/occupancy";
import type { Venue } from "../../api/venues";
import { Sparkline } from "../../charts/Sparkline";
import { change, NOTHING, number, plural } from "../../format";
import { latest } from "../../statistics/figures";
import type { DayCurve } from "../../statistics/today";

interface Props {
  venue: Venue;
  now: VenueOccupancy | undefined;
  curve: DayCurve | undefined;
  loading: boolean;
}

/** One venue of several: how many people, and the shape of the day. */
export function VenueTile({ venue, now, curve, loading }: Props) {
  return (
    <a class="venue-tile" href={`/venues/${encodeURIComponent(venue.slug)}`}>
      <h2>{venue.name}</h2>
      <p class="venue-tile-people">
        <People now={now} loading={loading} />
      </p>
      <div class="venue-tile-curve">
        {curve && <Sparkline values={curve.values} compared={curve.compared} label={curveText(curve)} />}
      </div>
      <p class="venue-tile-note">{cameraText(now) ?? (curve && comparison(curve)) ?? " "}</p>
    </a>
  );
}

export function People({ now, loading }: { now: VenueOccupancy | undefined; loading: boolean }) {
  if (!now) return <span class="muted">{loading ? NOTHING : "unknown"}</span>;
  if (now.people === null) return <span class="people-unknown">unknown</span>;
  return (
    <>
      <strong>{number(now.people)}</strong> {now.people === 1 ? "person" : "people"}
    </>
  );
}

/** What of the venue is not known; undefined: nothing. */
export function cameraText(now: VenueOccupancy | undefined): string | undefined {
  if (!now) return undefined;
  if (now.cameras.length === 0) return "No camera has sent anything yet";
  if (now.unknown_cameras === 0) return undefined;
  return now.unknown_cameras === now.cameras.length
    ? "No camera sends anything now"
    : `Without ${plural(now.unknown_cameras, "camera")} that ${now.unknown_cameras === 1 ? "is" : "are"} silent`;
}

/** "+12% to the same time last week" */
export function comparison(curve: DayCurve): string | undefined {
  const last = latest(curve.values, curve.compared);
  if (!last?.before) return undefined;
  return `${change(last.value / last.before)} against the same time last week`;
}

function curveText(curve: DayCurve): string {
  const last = latest(curve.values, curve.compared);
  if (!last) return "Today: no frame came yet";
  const before = last.before === null ? "" : `; at the same time last week ${number(last.before, 1)}`;
  return `Today by the hour; at last ${number(last.value, 1)} people in view${before}`;
}
