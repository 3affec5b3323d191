import { request } from "./client";
import { venuePath } from "./venues";

export interface CameraRow {
  id: number;
  /** Id of its node. */
  node: string;
  node_slug: string;
  /** What the node calls it. */
  name: string;
  /** What people call it. */
  title: string | null;
  first_seen_at: string;
}

export const listCameras = async (
  venue: string,
  asking: { signal?: AbortSignal | undefined; token?: string | undefined } = {},
) => (await request<{ cameras: CameraRow[] }>(`${venuePath(venue)}/cameras`, asking)).cameras;
export const titleCamera = (venue: string, id: number, title: string | null) =>
  request<CameraRow>(`${venuePath(venue)}/cameras/${id}`, { method: "PATCH", body: { title } });
