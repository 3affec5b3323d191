import { request } from "./client";

export interface Venue {
  slug: string;
  name: string;
  time_zone: string;
  created_at: string;
  retired_at: string | null;
}

interface Asking {
  signal?: AbortSignal | undefined;
  /** Of a viewer link; without one the session of the browser counts. */
  token?: string | undefined;
}

export const venuePath = (slug: string) => `/api/v1/venues/${encodeURIComponent(slug)}`;

export const listVenues = async ({ retired, ...asking }: Asking & { retired?: boolean } = {}) =>
  (
    await request<{ venues: Venue[] }>("/api/v1/venues", {
      query: { retired: retired || undefined },
      ...asking,
    })
  ).venues;
export const createVenue = (venue: Pick<Venue, "slug" | "name" | "time_zone">) =>
  request<Venue>("/api/v1/venues", { method: "POST", body: venue });
export const changeVenue = (slug: string, change: Partial<Pick<Venue, "name" | "time_zone">>) =>
  request<Venue>(venuePath(slug), { method: "PATCH", body: change });
/** Its nodes and keys stop working; what was seen and counted stays. */
export const retireVenue = (slug: string) => request<void>(venuePath(slug), { method: "DELETE" });
