const PERIOD_MS = 10_000;

/**
 * Translates times of the platform's clock into times of this page's clock. The difference between them is what the frames
 * that came fastest in the last seconds show. So frames that come late, because they were missed and are sent again, are as
 * old as they are; and it does not matter when one of the clocks is wrong, or is set.
 */
export class ServerClock {
  /** Page's time minus platform's time, at least: in the running period, and in the one before. */
  #least = Number.POSITIVE_INFINITY;
  #leastBefore = Number.POSITIVE_INFINITY;
  #since = Number.NEGATIVE_INFINITY;

  /** At `now` it was `time` or a bit later at the platform. */
  see(time: number, now: number): void {
    // Between two connections nothing is seen: then the period before the loss is the one that counts.
    if (Math.abs(now - this.#since) > PERIOD_MS) {
      this.#leastBefore = this.#least;
      this.#least = Number.POSITIVE_INFINITY;
      this.#since = now;
    }
    this.#least = Math.min(this.#least, now - time);
  }

  /** The page's time when it was `time` at the platform; something must have been seen. */
  here(time: number): number {
    return time + Math.min(this.#least, this.#leastBefore);
  }
}
