import type { Picture } from "../live-client";

/** How far back arrivals count when deciding how long frames are held. */
const WINDOW_MS = 10_000;
const SLOT_MS = 250;
/** Nodes may send what they saw in one second at once. What is later than this is not smoothed, but shown as it comes. */
const LONGEST_HOLD_MS = 3_000;
/** More waiting frames than this are not kept: the page was in the background. */
const MOST_WAITING = 400;
/** If nothing newer came for this long, an older frame is shown after all: the clock of the node was set back. */
const CLOCK_RESET_MS = 5_000;

/**
 * Plays the frames of one camera at the pace at which they were captured.
 *
 * Nodes send frames in batches, so they arrive in bursts. Each frame is held until the slowest frame of the last seconds
 * would have arrived; then movement is even, and as late as it must be, but no later. The clocks of nodes need not be
 * right: only differences between their times are used.
 */
export class Playout {
  readonly #waiting: { frame: Picture; captured: number }[] = [];
  /** Least and most lateness (arrival minus capture) per slot of time. */
  #slots: { since: number; least: number; most: number }[] = [];
  #newest = { captured: Number.NEGATIVE_INFINITY, at: 0 };

  /** `now` is any steady clock in milliseconds, the same for `push` and `take`. */
  push(frame: Picture, now: number): void {
    const captured = Date.parse(frame.captured_at);
    if (captured < this.#newest.captured && now - this.#newest.at < CLOCK_RESET_MS) return;
    this.#note(now, now - captured);
    let place = this.#waiting.length;
    while (place > 0 && (this.#waiting[place - 1]?.captured ?? 0) > captured) place--;
    this.#waiting.splice(place, 0, { frame, captured });
    if (this.#waiting.length > MOST_WAITING) this.#waiting.shift();
  }

  /** The newest frame whose time has come, if there is one that was not taken before. */
  take(now: number): Picture | undefined {
    const delay = this.#least() + this.holdMs;
    let due: Picture | undefined;
    for (let next = this.#waiting[0]; next && next.captured + delay <= now; next = this.#waiting[0]) {
      this.#waiting.shift();
      due = next.frame;
      this.#newest = { captured: next.captured, at: now };
    }
    return due;
  }

  /** Forgets what waits: a frame captured at `captured` is on the screen, and nothing older is to follow. */
  restart(captured: number, now: number): void {
    this.#waiting.length = 0;
    this.#newest = { captured, at: now };
  }

  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** How long the last frame of a burst is held, so that the first one of the next burst is not late. */
  get holdMs(): number {
    if (this.#slots.length === 0) return 0;
    return Math.min(LONGEST_HOLD_MS, Math.max(...this.#slots.map((slot) => slot.most)) - this.#least());
  }

  #least(): number {
    return Math.min(...this.#slots.map((slot) => slot.least));
  }

  #note(now: number, lateness: number): void {
    const slot = this.#slots.at(-1);
    if (slot && now - slot.since < SLOT_MS) {
      slot.least = Math.min(slot.least, lateness);
      slot.most = Math.max(slot.most, lateness);
      return;
    }
    this.#slots.push({ since: now, least: lateness, most: lateness });
    this.#slots = this.#slots.filter((s) => s.since > now - WINDOW_MS);
  }
}
