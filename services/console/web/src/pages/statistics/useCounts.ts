import { useEffect, useMemo, useState } from "preact/hooks";
import { listCameras } from "../../api/cameras";
import { type Counts, type CountsQuery, getCounts } from "../../api/counts";
import type { Venue } from "../../api/venues";
import { bucketFor } from "../../statistics/buckets";
import { addDays } from "../../statistics/calendar";
import type { Names } from "../../statistics/figures";
import type { StatisticsQuery } from "../../statistics/query";
import { countDays, type Days, daysOf } from "../../statistics/ranges";
import { type Resource, useResource } from "../../useResource";

/** Ticking several boxes is one question, not several. */
const SETTLE_MS = 250;
/** The cameras of more venues than this are not offered one by one. */
const MOST_VENUES_WITH_CAMERAS = 8;

/** What is asked, with everything that the address leaves open. */
export interface Asked {
  venues: Venue[];
  /** Of the answer: that of the first venue. */
  zone: string;
  days: Days;
  counts: CountsQuery;
}

export function asked(query: StatisticsQuery, all: Venue[], now: number): Asked {
  const known = all.filter(({ slug }) => query.venues.includes(slug));
  const venues = known.length > 0 ? known : all;
  const zone = venues[0]?.time_zone ?? "UTC";
  const days = daysOf(query.range, now, zone);
  const list = (values: string[]) => (values.length > 0 ? values.join(",") : undefined);
  return {
    venues,
    zone,
    days,
    counts: {
      venue: venues.map(({ slug }) => slug).join(","),
      from: days.from,
      to: addDays(days.to, 1),
      bucket: bucketFor(countDays(days), query.bucket),
      camera: list(query.cameras),
      class: list(query.classes),
      group: list(query.group),
      measure: query.measure,
      compare: query.compare,
      align: query.compare && query.sameWeekday ? "weekday" : undefined,
      time_zone: zone,
    },
  };
}

/** The answer. A question that nobody waits for any more is given up; one that is changed at once is not even asked. */
export function useCounts(query: CountsQuery): Resource<Counts> {
  const text = JSON.stringify(query);
  return useResource((signal) => settled(signal).then(() => getCounts(query, signal)), [text]);
}

function settled(signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, SETTLE_MS);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

export interface Choices {
  cameras: [value: string, label: string][];
  classes: [value: string, label: string][];
  names: Names;
}

/** What can be chosen in these venues: their cameras, and the classes that were seen in the last weeks. */
export function useChoices(venues: Venue[], now: number): Choices {
  const slugs = venues.map(({ slug }) => slug).join(",");
  const zone = venues[0]?.time_zone ?? "UTC";
  const [titles, setTitles] = useState<ReadonlyMap<string, string>>(new Map());
  const seen = useResource((signal) => getCounts(classesSeen(slugs, zone, now), signal), [slugs]);
  const { data: cameras } = useResource(
    async (signal) => (venues.length > MOST_VENUES_WITH_CAMERAS ? [] : camerasOf(venues, signal)),
    [slugs],
  );
  useEffect(() => {
    // Those of venues that were chosen before are still in the chart that is shown.
    if (cameras)
      setTitles((old) => new Map([...old, ...cameras.map(({ key, title }) => [key, title] as const)]));
  }, [cameras]);
  return useMemo(() => {
    const byName = new Map((cameras ?? []).map(({ name, title }) => [name, title]));
    const classes = (seen.data?.series ?? []).map((series) => series.class).filter((name) => name !== null);
    const venueNames = new Map(venues.map(({ slug, name }) => [slug, name]));
    return {
      cameras: [...byName].sort(([, a], [, b]) => a.localeCompare(b, "en", { numeric: true })),
      classes: classes.map((name) => [name, name]),
      names: {
        isSingle: venues.length === 1,
        venue: (slug) => venueNames.get(slug) ?? slug,
        camera: (venue, camera) => titles.get(`${venue ?? venues[0]?.slug} ${camera}`) ?? camera,
      },
    };
  }, [cameras, seen.data, titles, slugs]);
}

function classesSeen(venue: string, time_zone: string, now: number): CountsQuery {
  const { from, to } = daysOf("28d", now, time_zone);
  const measure = "detections";
  return { venue, from, to: addDays(to, 1), bucket: "1w", group: "class", measure, time_zone };
}

async function camerasOf(venues: Venue[], signal: AbortSignal) {
  const lists = await Promise.all(venues.map(({ slug }) => listCameras(slug, { signal })));
  return lists.flatMap((rows, at) =>
    rows.map((row) => {
      const name = `${row.node_slug}/${row.name}`;
      return { key: `${venues[at]?.slug} ${name}`, name, title: row.title ?? name };
    }),
  );
}
