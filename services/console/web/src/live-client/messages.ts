/** Every message of the live feed, protocol `citytrack.v1`. `docs/realtime.md` says what they mean. */

/** What a detection must be like to be let through; exactly one key in each object. */
export type Filter =
  | { and: Filter[] }
  | { or: Filter[] }
  | { not: Filter }
  /** `entrance` is the camera of that name of every node, `north/entrance` only the one of node `north`. */
  | { camera: { in: string[] } }
  | { class: { in: string[] } }
  | { confidence: { min: number } };

/** One object in a frame. */
export interface Detection {
  class: string;
  /** How sure the detector is, 0 to 1. */
  confidence: number;
  /** As parts (0 to 1) of the image. */
  box: [left: number, top: number, width: number, height: number];
  /** The same number for the same object in later frames; absent when the detector does not track. */
  track_id?: number;
}

/** What one camera saw in one image; an empty `detections` means that it saw nothing (that the filter lets through). */
export interface Picture {
  /** Short name of the node that the camera belongs to. */
  node: string;
  camera: string;
  /** The node's own number of the frame. */
  frame?: number;
  /** By the clock of the node, RFC 3339. */
  captured_at: string;
  /** By the clock of the platform, RFC 3339. */
  received_at: string;
  /** Of the image, in pixels. */
  width?: number;
  height?: number;
  /** The frame is much older than now: the node was offline and delivers what it kept. */
  backlog?: true;
  detections: Detection[];
}

/** The latest picture of a camera, as it was when the subscription began. */
export interface SnapshotFrame extends Picture {
  /** Seconds since `captured_at`, by the clock of the platform. */
  age: number;
}

export interface Frame extends Picture {
  type: "frame";
  id: string;
  cursor: string;
  venue: string;
}

export interface Subscribed {
  type: "subscribed";
  id: string;
  venue: string;
  cursor: string;
  /** True: all that was missed since the cursor follows. False: begin anew with the snapshot. */
  recovered: boolean;
  snapshot: SnapshotFrame[];
}

export interface Gap {
  type: "gap";
  id: string;
  /** Frames that were left out here; null when the server itself cannot know how many. */
  dropped: number | null;
  /** `node/camera` of those frames; empty when that is not known. */
  cameras: string[];
  /** `slow`: this page reads too slowly. `rate`: because of `maxRate`. `overload`: the server missed messages. */
  reason: "slow" | "rate" | "overload";
}

/** Where the subscription stands, when frames came but none was to be shown for a while. */
export interface Cursor {
  type: "cursor";
  id: string;
  cursor: string;
}

export interface FeedError {
  type: "error";
  /** The subscription that it is about. */
  id?: string;
  code: string;
  message: string;
}

/** What the server says. New types may be added: what is not known here is ignored. */
export type ServerMessage =
  | { type: "authenticated"; venues: string[]; expires_at: string }
  | { type: "expiring"; expires_at: string }
  | Subscribed
  | Frame
  | Gap
  | Cursor
  | { type: "unsubscribed"; id: string }
  | { type: "pong" }
  | FeedError;

/** What a client says. The server reads it strictly: a field that it does not know is an error. */
export type ClientMessage =
  | { type: "authenticate"; token: string }
  | {
      type: "subscribe";
      id: string;
      venue: string;
      filter?: Filter | undefined;
      empty?: boolean | undefined;
      backlog?: boolean | undefined;
      max_rate?: number | undefined;
      since?: string | undefined;
    }
  | { type: "unsubscribe"; id: string }
  | { type: "ping" };
