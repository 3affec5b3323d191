import { describe, expect, test } from "vitest";
import type { Picture } from "../live-client";
import { Playout } from "./playout";

const START = Date.parse("2026-11-22T10:00:00Z");

function frameAt(ms: number): Picture {
  const captured_at = new Date(START + ms).toISOString();
  return {
    node: "n",
    camera: "c",
    captured_at,
    received_at: captured_at,
    detections: [],
  };
}

const shownAt = (frame: Picture | undefined) => frame && Date.parse(frame.captured_at) - START;

/** Sends what was captured in each second at its end, and takes every 20 ms; `skew` is how wrong the node's clock is. */
function playBatches(seconds: number, skew: number): (number | undefined)[] {
  const playout = new Playout();
  const taken: (number | undefined)[] = [];
  for (let now = 0; now < seconds * 1000; now += 20) {
    if (now > 0 && now % 1000 === 0) {
      for (let captured = now - 1000; captured < now; captured += 40)
        playout.push(frameAt(captured + skew), START + now);
    }
    const frame = playout.take(START + now);
    if (now >= 2000) taken.push(frame && (shownAt(frame) ?? 0) - skew - now);
  }
  return taken;
}

describe("Playout", () => {
  test("shows a lone frame at once", () => {
    const playout = new Playout();
    playout.push(frameAt(0), START + 70);
    expect(shownAt(playout.take(START + 70))).toBe(0);
    expect(playout.take(START + 71)).toBeUndefined();
  });

  test.each([0, -3_600_000, 90_000])(
    "plays batches of one second evenly, with the node's clock %i ms off",
    (skew) => {
      const taken = playBatches(6, skew);
      const delays = taken.filter((delay) => delay !== undefined);
      expect(new Set(delays)).toEqual(new Set([-1000]));
      expect(delays.length).toBe(taken.length / 2);
    },
  );

  test("never goes back in time", () => {
    const playout = new Playout();
    playout.push(frameAt(1000), START + 1000);
    expect(shownAt(playout.take(START + 1000))).toBe(1000);
    playout.push(frameAt(500), START + 1010);
    expect(playout.isWaiting).toBe(false);
  });

  test("follows a clock that was set back", () => {
    const playout = new Playout();
    playout.push(frameAt(100_000), START + 1000);
    playout.take(START + 1000);
    playout.push(frameAt(0), START + 20_000);
    expect(shownAt(playout.take(START + 23_000))).toBe(0);
  });

  test("holds nothing longer than three seconds", () => {
    const playout = new Playout();
    playout.push(frameAt(-60_000), START);
    playout.push(frameAt(0), START);
    expect(playout.holdMs).toBe(3000);
    expect(shownAt(playout.take(START + 3000))).toBe(0);
  });

  test("keeps a bounded number of frames while nobody takes them", () => {
    const playout = new Playout();
    for (let ms = 0; ms < 100_000; ms += 10) playout.push(frameAt(ms), START + ms);
    let taken = 0;
    for (let now = 0; now < 10_000_000 && playout.isWaiting; now += 1) if (playout.take(START + now)) taken++;
    expect(taken).toBeLessThanOrEqual(400);
  });
});
