import { requestAsViewer } from "../session/session";
import type { Bucket as BucketName } from "../statistics/buckets";
import type { Measure } from "../statistics/measures";
import { type Query, request } from "./client";
import { venuePath } from "./venues";

/** A bucket of the short form of the counts, `GET /api/v1/venues/{venue}/counts`. */
export interface Bucket {
  start: string;
  end: string;
  frames: number;
  detections: number | null;
  peak: number | null;
}

export interface VenueCountsQuery {
  from: Date;
  to: Date;
  bucket: string;
  class?: string;
  camera?: string;
}

export function venueCounts(
  venue: string,
  { from, to, ...rest }: VenueCountsQuery,
  asking: { signal?: AbortSignal; token: string },
): Promise<{ buckets: Bucket[] }> {
  const query = { from: from.toISOString(), to: to.toISOString(), ...rest };
  return request(`${venuePath(venue)}/counts`, { query, ...asking });
}

/** What a series is of; null: all together. */
export interface SeriesName {
  venue: string | null;
  camera: string | null;
  class: string | null;
}

export interface Series extends SeriesName {
  /** One for each bucket; null: no frame came. */
  values: (number | null)[];
  total: number | null;
}

export interface ComparedSeries extends Series {
  difference: (number | null)[];
  ratio: (number | null)[];
  total_difference: number | null;
  total_ratio: number | null;
}

export interface Counts {
  measure: Measure;
  time_zone: string;
  bucket: BucketName;
  from: string;
  to: string;
  /** One more than there are buckets. */
  edges: string[];
  series: Series[];
  compare: { shift: string; from: string; to: string; series: ComparedSeries[] } | null;
  /** How far an estimated number of tracks may be off. */
  error: { relative_standard_error: number; exact_up_to: number; exact?: boolean } | null;
  notes: string[];
}

/** Times are RFC 3339, or local in `time_zone`; lists stand between commas. */
export interface CountsQuery extends Query {
  venue: string;
  from: string;
  to: string;
  bucket: BucketName;
  camera?: string | undefined;
  class?: string | undefined;
  group?: string | undefined;
  measure: Measure;
  compare?: string | undefined;
  align?: "weekday" | undefined;
  time_zone: string;
}

export const COUNTS_PATH = "/api/v1/counts";

export const getCounts = (query: CountsQuery, signal?: AbortSignal) =>
  requestAsViewer<Counts>(COUNTS_PATH, { query, signal });
