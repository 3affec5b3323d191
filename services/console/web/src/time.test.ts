import { expect, test } from "vitest";
import { duration, VenueClock } from "./time";

const NOON = Date.parse("2026-07-01T12:00:05Z");

test("tells the time of the venue and names its zone", () => {
  const berlin = new VenueClock("Europe/Berlin");
  expect(berlin.second(NOON)).toBe("14:00:05");
  expect(berlin.minute(NOON)).toBe("14:00");
  expect(berlin.zoneName(NOON)).toBe("Europe/Berlin (GMT+2)");
  expect(new VenueClock("Asia/Kolkata").minute(NOON)).toBe("17:30");
});

test("falls back to UTC for a zone that this browser does not know", () => {
  const unknown = new VenueClock("Mars/Olympus");
  expect(unknown.minute(NOON)).toBe("12:00");
  expect(unknown.zoneName(NOON)).toMatch(/^UTC/);
});

test.each([
  [-5, "0 s"],
  [59_999, "59 s"],
  [60_000, "1 min"],
  [3_599_999, "59 min"],
  [86_399_999, "23 h"],
  [200_000_000, "2 d"],
])("a duration of %i ms is %s", (ms, text) => expect(duration(ms)).toBe(text));
