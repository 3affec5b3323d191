import { requestAsViewer } from "../session/session";

export interface CameraOccupancy {
  /** Such as `north/entrance`. */
  camera: string;
  title: string | null;
  /** Null: unknown. */
  people: number | null;
  /** `unknown`: it is silent for longer than it usually is. */
  status: "known" | "unknown";
  captured_at: string | null;
  received_at: string | null;
  usual_interval_seconds: number | null;
  silent_for_seconds: number | null;
}

export interface VenueOccupancy {
  venue: string;
  /** Of the cameras of which it is known; null: of none. */
  people: number | null;
  unknown_cameras: number;
  cameras: CameraOccupancy[];
}

export interface Occupancy {
  at: string;
  class: string;
  venues: VenueOccupancy[];
}

/** How many people there are now. */
export const getOccupancy = (venues: string[], signal?: AbortSignal) =>
  requestAsViewer<Occupancy>("/api/v1/occupancy", {
    query: { venue: venues.join(","), class: "person" },
    signal,
  });
