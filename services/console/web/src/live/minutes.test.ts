import { describe, expect, test } from "vitest";
import { lastMinutes, Minutes } from "./minutes";

const TEN = Date.parse("2026-11-22T10:00:00Z");

describe("Minutes", () => {
  test("a minute without frames is a hole, one without people is zero", () => {
    const minutes = new Minutes();
    minutes.store(TEN, { frames: 0, people: 0 });
    minutes.store(TEN + 60_000, { frames: 25, people: 0 });
    expect(minutes.mean(TEN)).toBeNull();
    expect(minutes.mean(TEN + 60_000)).toBe(0);
    expect(minutes.mean(TEN + 120_000)).toBeNull();
  });

  test("whoever knows more frames of a minute is believed", () => {
    const minutes = new Minutes();
    minutes.see(TEN + 59_000, 9);
    minutes.store(TEN, { frames: 100, people: 300 });
    expect(minutes.mean(TEN)).toBe(3);
    for (let i = 0; i < 3; i++) minutes.see(TEN + 60_000 + i, 2);
    minutes.store(TEN + 60_000, { frames: 1, people: 7 });
    expect(minutes.mean(TEN + 60_000)).toBe(2);
  });

  test("forgets what is too old to be shown", () => {
    const minutes = new Minutes();
    minutes.see(TEN, 1);
    minutes.see(TEN + 2 * 3_600_000, 1);
    expect(minutes.mean(TEN)).toBeNull();
  });
});

test("lastMinutes ends with the running minute", () => {
  expect(lastMinutes(TEN + 30_500, 3)).toEqual([TEN - 120_000, TEN - 60_000, TEN]);
});
