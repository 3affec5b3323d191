import type { Gap } from "../live-client";

/** What of the live picture is missing on this page, by cause. */
export class Gaps {
  /** Frames that were left out because this page or its network was too slow. */
  tooSlow = 0;
  /** When the server itself last missed frames (milliseconds since 1970). */
  overloadedAt: number | undefined;
  /** When the picture last began anew, because not all that came before could be had any more. */
  restartedAt: number | undefined;

  add({ reason, dropped }: Gap, now: number): void {
    // The third reason, `rate`, is what a page asked for; this one never does.
    if (reason === "slow") this.tooSlow += dropped ?? 0;
    if (reason === "overload") this.overloadedAt = now;
  }

  restarted(now: number): void {
    this.restartedAt = now;
  }

  /** For people: one sentence for each cause; `clock` writes a time. */
  sentences(clock: (time: number) => string): string[] {
    const sentences = [];
    if (this.tooSlow > 0) {
      const frames = this.tooSlow === 1 ? "1 frame was" : `${this.tooSlow.toLocaleString("en")} frames were`;
      sentences.push(`${frames} left out because this browser or its network was too slow.`);
    }
    if (this.overloadedAt !== undefined) {
      sentences.push(
        `The live feed was overloaded, last at ${clock(this.overloadedAt)}: frames are missing.`,
      );
    }
    if (this.restartedAt !== undefined) {
      sentences.push(`The picture began anew at ${clock(this.restartedAt)}: frames before that are missing.`);
    }
    return sentences;
  }
}
