/** The curve of a day: how many people the cameras of a venue see at a time. */
import { type Counts, type CountsQuery, getCounts } from "../api/counts";
import type { Venue } from "../api/venues";
import type { Bucket } from "./buckets";
import { addDays, dayOf } from "./calendar";
import type { Comparison } from "./comparison";
import { edgesOf, sum } from "./figures";

export interface DayCurve {
  edges: number[];
  /** People in view: the mean of each camera, summed over the cameras. */
  values: (number | null)[];
  compared: (number | null)[];
}

/** The same weekday of the week before. */
export const SAME_WEEKDAY = "7d";

export function dayQuery(
  venues: string[],
  time_zone: string,
  now: number,
  bucket: Bucket,
  compare: Comparison = SAME_WEEKDAY,
): CountsQuery {
  const day = dayOf(now, time_zone);
  return {
    venue: venues.join(","),
    from: day,
    to: addDays(day, 1),
    bucket,
    class: "person",
    group: "venue,camera",
    measure: "mean_per_frame",
    compare,
    time_zone,
  };
}

/** The curve of each venue in an answer to `dayQuery`. */
export function dayCurves(counts: Counts): Map<string, DayCurve> {
  const edges = edgesOf(counts);
  const curves = new Map<string, DayCurve>();
  for (const venue of new Set(counts.series.map((series) => series.venue))) {
    const ofVenue = ({ venue: other }: { venue: string | null }) => other === venue;
    curves.set(venue ?? "", {
      edges,
      values: sum(counts.series.filter(ofVenue).map(({ values }) => values)),
      compared: sum((counts.compare?.series ?? []).filter(ofVenue).map(({ values }) => values)),
    });
  }
  return curves;
}

/** The curves of many venues; those of one time zone are asked for together, as their days are the same. */
export async function getDayCurves(
  venues: Venue[],
  bucket: Bucket,
  signal: AbortSignal,
): Promise<Map<string, DayCurve>> {
  const byZone = new Map<string, string[]>();
  for (const { slug, time_zone } of venues) byZone.set(time_zone, [...(byZone.get(time_zone) ?? []), slug]);
  const now = Date.now();
  const answers = await Promise.all(
    [...byZone].map(([zone, slugs]) => getCounts(dayQuery(slugs, zone, now, bucket), signal)),
  );
  return new Map(answers.flatMap((counts) => [...dayCurves(counts)]));
}
