/** The parts of the HTTP API that the pages read. */

export interface Venue {
  slug: string;
  name: string;
  time_zone: string;
}

export interface CameraRow {
  id: number;
  node_slug: string;
  name: string;
  title: string | null;
}

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

/** An answer that is not a success; the message is the problem document's, fit to be shown. */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export async function fetchVenues(token: string, signal: AbortSignal): Promise<Venue[]> {
  return (await get<{ venues: Venue[] }>("/api/v1/venues", token, signal)).venues;
}

export async function fetchCameras(token: string, venue: string, signal: AbortSignal): Promise<CameraRow[]> {
  const path = `/api/v1/venues/${encodeURIComponent(venue)}/cameras`;
  return (await get<{ cameras: CameraRow[] }>(path, token, signal)).cameras;
}

export function fetchCounts(
  token: string,
  venue: string,
  { from, to, ...rest }: CountsQuery,
  signal: AbortSignal,
): Promise<{ buckets: Bucket[] }> {
  const query = new URLSearchParams({ from: from.toISOString(), to: to.toISOString(), ...rest });
  return get(`/api/v1/venues/${encodeURIComponent(venue)}/counts?${query}`, token, signal);
}

async function get<T>(path: string, token: string, signal: AbortSignal): Promise<T> {
  const response = await fetch(path, { headers: { authorization: `Bearer ${token}` }, signal }).catch(
    (error) => {
      if (signal.aborted) throw error;
      throw new ApiError(0, "CityTrack cannot be reached.");
    },
  );
  if (response.ok) return (await response.json()) as T;
  const problem = (await response.json().catch(() => ({}))) as { title?: string; detail?: string };
  throw new ApiError(
    response.status,
    problem.detail ?? problem.title ?? `The server answered ${response.status}.`,
  );
}
