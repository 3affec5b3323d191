import { expect, test } from "vitest";
import { VenueClock } from "./time";

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
