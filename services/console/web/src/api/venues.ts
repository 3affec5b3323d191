import { request } from "./client";

/** What becomes of the pictures of a venue. Times are texts such as `30d`. */
export interface ImageSettings {
  /** How long pictures are kept. */
  retention: string;
  /** How long originals are kept, too; `0d`: not at all. */
  originals: string;
  variants: string[];
  /** What is made unrecognisable. */
  classes: string[];
}

export interface Venue {
  slug: string;
  name: string;
  time_zone: string;
  created_at: string;
  retired_at: string | null;
  images: ImageSettings;
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
export const changeVenue = (slug: string, change: Partial<Pick<Venue, "name" | "time_zone" | "images">>) =>
  request<Venue>(venuePath(slug), { method: "PATCH", body: change });
/** Its nodes and keys stop working; what was seen and counted stays. */
export const retireVenue = (slug: string) => request<void>(venuePath(slug), { method: "DELETE" });
