import { request } from "./client";
import { venuePath } from "./venues";

/** A bucket of the short form of the counts, `GET /api/v1/venues/{venue}/counts`. */
export interface Bucket {
  start: string;
  end: string;
  frames: number;
  detections: number | null;
  peak: number | null;
}

export interface CountsQuery {
  from: Date;
  to: Date;
  bucket: string;
  class?: string;
  camera?: string;
}

export function venueCounts(
  venue: string,
  { from, to, ...rest }: CountsQuery,
  asking: { signal?: AbortSignal; token: string },
): Promise<{ buckets: Bucket[] }> {
  const query = { from: from.toISOString(), to: to.toISOString(), ...rest };
  return request(`${venuePath(venue)}/counts`, { query, ...asking });
}
