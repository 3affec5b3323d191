const MINUTE_MS = 60_000;
/** The page may stay open for days; it shows less than this. */
const KEEP_MS = 60 * MINUTE_MS;

/** Frames that came in a minute, and the people counted in them. */
export interface Tally {
  frames: number;
  people: number;
}

interface Minute {
  /** As the statistics service has it. */
  stored?: Tally;
  /** As this page saw it come in. */
  seen?: Tally;
}

export const minuteOf = (time: number): number => Math.floor(time / MINUTE_MS) * MINUTE_MS;

/**
 * The minutes of one line of the chart, from two sources: what is stored, and what arrives.
 *
 * The page sees only a part of the minute in which it was opened, and stored figures end where the last request was made.
 * Both are parts of the same truth, so in each minute the one that knows more frames counts.
 */
export class Minutes {
  readonly #minutes = new Map<number, Minute>();

  see(capturedAt: number, people: number): void {
    const minute = this.#at(minuteOf(capturedAt));
    minute.seen ??= { frames: 0, people: 0 };
    minute.seen.frames += 1;
    minute.seen.people += people;
  }

  store(start: number, tally: Tally): void {
    this.#at(start).stored = tally;
  }

  /** Mean number of people in a frame of this minute; null when no frame came. */
  mean(start: number): number | null {
    const { stored, seen } = this.#minutes.get(start) ?? {};
    const best = (seen?.frames ?? 0) > (stored?.frames ?? 0) ? seen : stored;
    return best && best.frames > 0 ? best.people / best.frames : null;
  }

  #at(start: number): Minute {
    const known = this.#minutes.get(start);
    if (known) return known;
    for (const old of this.#minutes.keys()) if (old < start - KEEP_MS) this.#minutes.delete(old);
    const minute: Minute = {};
    this.#minutes.set(start, minute);
    return minute;
  }
}

/** The starts of the last `count` minutes, the running one last. */
export function lastMinutes(now: number, count: number): number[] {
  const last = minuteOf(now);
  return Array.from({ length: count }, (_, i) => last - (count - 1 - i) * MINUTE_MS);
}
