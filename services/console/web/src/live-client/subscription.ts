import { guarded } from "./guarded";
import type { ClientMessage, FeedError, Filter, Frame, Gap, SnapshotFrame, Subscribed } from "./messages";

/** What is wanted. */
export interface Wanted {
  venue: string;
  /** Which detections; default: all. */
  filter?: Filter;
  /** Whether frames in which nothing matches the filter come, too, without detections; default: true. */
  empty?: boolean;
  /** Whether frames come that are much older than now; default: true. */
  backlog?: boolean;
  /** Frames a second of each camera at most. */
  maxRate?: number;
  /** The cursor of an earlier subscription (perhaps of another page), to go on where it ended. */
  since?: string;
}

export interface Handlers {
  onFrame(frame: Frame): void;
  /**
   * The latest frame of each camera, when the subscription begins; every later frame goes to `onFrame`. It begins anew if
   * the server no longer has, or no longer knows, all that was missed: then `missed` is true, and frames between are not
   * delivered. With `maxRate` it is also called after a short loss, with `missed` false.
   */
  onSnapshot?(frames: SnapshotFrame[], missed: boolean): void;
  /** Frames were left out at this place. */
  onGap?(gap: Gap): void;
  /** The subscription was refused, for example with `forbidden-venue`, or `stopped` by this client; it has ended. */
  onError?(error: FeedError): void;
}

/** One subscription across all the connections that it lives through. */
export class Subscription {
  readonly id: string;
  readonly #wanted: Wanted;
  readonly #handlers: Handlers;
  /** The place of the last message that was handed over. */
  cursor: string | undefined;
  /** Whether the server has confirmed it on the present connection. */
  isConfirmed = false;
  /** Whether it ever had a place, so that another beginning leaves something out. */
  #hasBegun: boolean;

  constructor(id: string, wanted: Wanted, handlers: Handlers) {
    this.id = id;
    this.#wanted = wanted;
    this.#handlers = handlers;
    this.cursor = wanted.since;
    this.#hasBegun = wanted.since !== undefined;
  }

  get venue(): string {
    return this.#wanted.venue;
  }

  /** The message that begins it, or goes on with it. */
  request(): ClientMessage {
    const { venue, filter, empty, backlog, maxRate } = this.#wanted;
    return {
      type: "subscribe",
      id: this.id,
      venue,
      filter,
      empty,
      backlog,
      max_rate: maxRate,
      since: this.cursor,
    };
  }

  subscribed({ cursor, recovered, snapshot }: Subscribed): void {
    const missed = this.#hasBegun && !recovered;
    this.isConfirmed = this.#hasBegun = true;
    this.cursor = cursor;
    // With `maxRate` the snapshot is what is shown of the frames that were missed.
    if (!recovered || snapshot.length > 0) {
      guarded(() => this.#handlers.onSnapshot?.(snapshot, missed));
    }
  }

  frame(frame: Frame): void {
    this.cursor = frame.cursor;
    guarded(() => this.#handlers.onFrame(frame));
  }

  /** What came since the last frame was not to be shown. */
  moved(cursor: string): void {
    this.cursor = cursor;
  }

  gap(gap: Gap): void {
    guarded(() => this.#handlers.onGap?.(gap));
  }

  error(error: FeedError): void {
    guarded(() => this.#handlers.onError?.(error));
  }
}
