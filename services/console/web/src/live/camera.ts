import type { Picture, SnapshotFrame } from "../live-client";
import { Playout } from "./playout";
import { ServerClock } from "./serverClock";

/** A camera that sent nothing for this long is shown as silent. */
export const SILENT_AFTER_MS = 5_000;
const RATE_WINDOW_MS = 4_000;
const TRAIL_MS = 2_500;
/** Nobody crosses more of the image than this between two frames: it is another object with the same id. */
const LONGEST_STEP = 0.15;

/** Where one tracked object stood, oldest first; positions as parts of the image. */
export type Trail = { at: number; x: number; y: number }[];

/** One camera as this page knows it. */
export class Camera {
  readonly key: string;
  readonly node: string;
  readonly name: string;
  title: string | null;
  /** The frame on the screen. */
  shown: Picture | undefined;
  /**
   * When the last frame was here, or would have been if it had not been missed and sent again: undefined until the first.
   */
  heardAt: number | undefined;
  /** When frames of this camera were last left out here. */
  leftOutAt: number | undefined;
  readonly trails = new Map<number, Trail>();
  /** Draws `shown`; set by the card while it is on the page. */
  paint: (() => void) | undefined;
  readonly #playout = new Playout();
  readonly #clock: ServerClock;
  #arrivals: { at: number; captured: number }[] = [];

  /** `clock` is the same for all cameras of a platform. */
  constructor(node: string, name: string, title: string | null = null, clock = new ServerClock()) {
    this.key = cameraKey(node, name);
    this.node = node;
    this.name = name;
    this.title = title;
    this.#clock = clock;
  }

  /** Shows at once what the platform has, as old as it is. */
  begin(frame: SnapshotFrame, now: number): void {
    const captured = Date.parse(frame.captured_at);
    this.heardAt = now - Math.max(0, frame.age) * 1000;
    // An age of 0 can also be a node's clock that is ahead.
    if (frame.age > 0) this.#clock.see(captured + frame.age * 1000, now);
    this.#playout.restart(captured, now);
    this.#show(frame);
  }

  receive(frame: Picture, now: number): void {
    const received = Date.parse(frame.received_at);
    this.#clock.see(received, now);
    this.heardAt = this.#clock.here(received);
    this.#arrivals.push({ at: this.heardAt, captured: Date.parse(frame.captured_at) });
    if ((this.#arrivals[0]?.at ?? now) < now - 2 * RATE_WINDOW_MS) this.#dropOldArrivals(now);
    this.#playout.push(frame, now);
  }

  /** Moves on to the frame that is due, and draws it. Returns whether there was one. */
  advance(now: number): boolean {
    const frame = this.#playout.take(now);
    if (!frame) return false;
    this.#show(frame);
    return true;
  }

  get isWaiting(): boolean {
    return this.#playout.isWaiting;
  }

  get holdMs(): number {
    return this.#playout.holdMs;
  }

  isSilent(now: number): boolean {
    return this.heardAt === undefined || now - this.heardAt > SILENT_AFTER_MS;
  }

  /** People in the frame on the screen; undefined when that is not known now. */
  people(now: number): number | undefined {
    return this.shown && !this.isSilent(now) ? countPeople(this.shown) : undefined;
  }

  /** Frames a second, from the times of capture: frames may arrive in bursts. 0 when that is not known (yet). */
  rate(now: number): number {
    this.#dropOldArrivals(now);
    const times = this.#arrivals.map((arrival) => arrival.captured);
    const span = Math.max(...times) - Math.min(...times);
    return times.length > 1 && span > 0 ? ((times.length - 1) * 1000) / span : 0;
  }

  #show(frame: Picture): void {
    this.shown = frame;
    this.#followTrails(frame);
    this.paint?.();
  }

  #dropOldArrivals(now: number): void {
    const first = this.#arrivals.findIndex(({ at }) => at >= now - RATE_WINDOW_MS);
    this.#arrivals = first < 0 ? [] : this.#arrivals.slice(first);
  }

  #followTrails(frame: Picture): void {
    const at = Date.parse(frame.captured_at);
    for (const { track_id, box } of frame.detections) {
      if (track_id === undefined) continue;
      const point = { at, x: box[0] + box[2] / 2, y: box[1] + box[3] };
      const trail = this.trails.get(track_id) ?? [];
      const last = trail.at(-1);
      const jumped = last && Math.hypot(point.x - last.x, point.y - last.y) > LONGEST_STEP;
      this.trails.set(track_id, jumped ? [point] : [...trail, point]);
    }
    for (const [id, trail] of this.trails) {
      const recent = trail.filter((point) => Math.abs(at - point.at) < TRAIL_MS);
      if (recent.length === 0) this.trails.delete(id);
      else this.trails.set(id, recent);
    }
  }
}

export const cameraKey = (node: string, name: string): string => `${node}/${name}`;

export const countPeople = (frame: Picture): number =>
  frame.detections.reduce((people, detection) => people + (detection.class === "person" ? 1 : 0), 0);
