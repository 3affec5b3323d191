/** From the answer of the service to what a chart and a table show. */
import type { Counts, SeriesName } from "../api/counts";
import type { ChartSeries } from "../charts/plot";
import { shiftDays, type Comparison } from "./comparison";
import { daysEarlier } from "./calendar";
import { bucketLabel } from "./labels";

export interface Names {
  /** What people call a venue. */
  venue: (slug: string) => string;
  /** There is only one venue: its cameras need not say so. */
  isSingle: boolean;
  /** What people call a camera. */
  camera: (venue: string | null, camera: string) => string;
}

/** "Station · Entrance · person"; "All" where nothing was grouped. */
export function seriesLabel({ venue, camera, class: name }: SeriesName, names: Names): string {
  const ofVenue = venue && !(names.isSingle && camera) ? names.venue(venue) : null;
  const parts = [ofVenue, camera && names.camera(venue, camera), name];
  return parts.filter(Boolean).join(" · ") || "All";
}

export const seriesKey = ({ venue, camera, class: name }: SeriesName): string =>
  JSON.stringify([venue, camera, name]);

export function chartSeries(counts: Counts, names: Names): ChartSeries[] {
  return counts.series.map((series, at) => ({
    key: seriesKey(series),
    label: seriesLabel(series, names),
    values: series.values,
    compared: counts.compare?.series[at]?.values,
  }));
}

export const edgesOf = (counts: Pick<Counts, "edges">): number[] =>
  counts.edges.map((edge) => Date.parse(edge));

/** Which time the value is of that a bucket is compared with. */
export function comparedLabel(
  edges: readonly number[],
  at: number,
  comparison: Comparison,
  fromDay: string,
  zone: string,
): string {
  const days = shiftDays(comparison, fromDay);
  const [start, end] = [edges[at] ?? 0, edges[at + 1] ?? 0];
  return bucketLabel(daysEarlier(start, days, zone), daysEarlier(end, days, zone), zone);
}

type Values = readonly (number | null)[];

/** The sum of several lines; null where none of them has a value. */
export function sum(lines: readonly Values[]): (number | null)[] {
  const length = Math.max(0, ...lines.map((line) => line.length));
  return Array.from({ length }, (_, at) => {
    const values = lines.map((line) => line[at] ?? null).filter((value) => value !== null);
    return values.length > 0 ? values.reduce((total, value) => total + value, 0) : null;
  });
}

/** The last value that is known, and the one that it is compared with. */
export function latest(
  values: Values,
  compared: Values,
): { value: number; before: number | null } | undefined {
  for (let at = values.length - 1; at >= 0; at--) {
    const value = values[at] ?? null;
    if (value !== null) return { value, before: compared[at] ?? null };
  }
  return undefined;
}

/** Whether there is nothing to be seen: no frame came. */
export const isEmpty = (series: readonly ChartSeries[]): boolean =>
  series.every(({ values, compared = [] }) =>
    [values, compared].every((line) => line.every((value) => value === null)),
  );
