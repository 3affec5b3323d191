import { describe, expect, test } from "vitest";
import { startOfDay } from "../zoned";
import { BUCKETS, bucketFor, bucketsIn, MOST_BUCKETS, offeredBuckets, usualBucket } from "./buckets";
import { addDays, daysBetween, daysEarlier, fromWall, HOUR_MS, isDay, wallTime } from "./calendar";
import { comparedFrom, shiftDays } from "./comparison";
import { countDays, daysOf } from "./ranges";

const at = (text: string) => Date.parse(text);
const BERLIN = "Europe/Berlin";
const AUCKLAND = "Pacific/Auckland";

describe("days are those of the venue", () => {
  test("today is another day elsewhere", () => {
    const now = at("2026-11-22T12:30:00Z");
    expect(daysOf("today", now, AUCKLAND)).toEqual({ from: "2026-11-23", to: "2026-11-23" });
    expect(daysOf("today", now, BERLIN)).toEqual({ from: "2026-11-22", to: "2026-11-22" });
    expect(daysOf("yesterday", now, AUCKLAND)).toEqual({ from: "2026-11-22", to: "2026-11-22" });
  });

  test("last 7 and 28 days end with today, and the month begins with its first day", () => {
    const now = at("2026-03-03T23:30:00Z"); // 4 March in Berlin
    expect(daysOf("7d", now, BERLIN)).toEqual({ from: "2026-02-26", to: "2026-03-04" });
    expect(daysOf("28d", now, BERLIN)).toEqual({ from: "2026-02-05", to: "2026-03-04" });
    expect(daysOf("month", now, BERLIN)).toEqual({ from: "2026-03-01", to: "2026-03-04" });
    expect(countDays(daysOf("28d", now, BERLIN))).toBe(28);
  });

  test.each([
    ["2026-03-29", 23],
    ["2026-10-25", 25],
    ["2026-10-26", 24],
  ])("%s has %i hours in Berlin", (day, hours) => {
    const length = (startOfDay(addDays(day, 1), BERLIN) ?? 0) - (startOfDay(day, BERLIN) ?? 0);
    expect(length).toBe(hours * HOUR_MS);
  });

  test("a day is only what the calendar has", () => {
    expect(["2026-02-28", "2026-02-29", "2028-02-29", "2026-2-1", "2026-13-01", "today"].map(isDay)).toEqual([
      true,
      false,
      true,
      false,
      false,
      false,
    ]);
  });

  test("days are counted across a change of the clocks", () => {
    expect(daysBetween("2026-03-28", "2026-03-30")).toBe(2);
    expect(daysBetween("2026-10-26", "2026-10-24")).toBe(-2);
  });
});

describe("the same time of the clock some days earlier", () => {
  test("10:00 stays 10:00 though the clocks were changed between", () => {
    expect(daysEarlier(at("2026-03-30T10:00:00+02:00"), 7, BERLIN)).toBe(at("2026-03-23T10:00:00+01:00"));
    expect(daysEarlier(at("2026-11-01T10:00:00+01:00"), 7, BERLIN)).toBe(at("2026-10-25T10:00:00+01:00"));
    expect(daysEarlier(at("2026-10-31T00:00:00+01:00"), 7, BERLIN)).toBe(at("2026-10-24T00:00:00+02:00"));
  });

  test("wall clock and back", () => {
    for (const text of [
      "2026-03-29T00:30:00Z",
      "2026-03-29T01:00:00Z",
      "2026-10-25T03:00:00Z",
      "2026-07-01T12:00:00Z",
    ])
      expect(fromWall(wallTime(at(text), BERLIN), BERLIN)).toBe(at(text));
  });

  test("shifts, and days of one's own", () => {
    expect(shiftDays("52w", "2026-11-22")).toBe(364);
    expect(comparedFrom("52w", "2026-11-22")).toBe("2025-11-23"); // both are Sundays
    expect(shiftDays("2026-11-01", "2026-11-22")).toBe(21);
    expect(shiftDays("2026-12-01", "2026-11-22")).toBe(-9);
  });
});

describe("buckets", () => {
  test("only those are offered that stay below the limit", () => {
    expect(offeredBuckets(1)).toEqual(["1m", "5m", "15m", "30m", "1h", "1d"]);
    expect(offeredBuckets(6)).toContain("1m");
    expect(offeredBuckets(7)).toEqual(["5m", "15m", "30m", "1h", "1d", "1w"]);
    expect(offeredBuckets(28)).not.toContain("1m");
    expect(offeredBuckets(3_650)).toEqual(["1d", "1w", "1mo"]);
  });

  test("a range with a day of 25 hours stays below the limit, too", () => {
    for (const days of [1, 6, 7, 34, 104, 208, 416])
      for (const bucket of offeredBuckets(days))
        expect(bucketsIn(days, bucket)).toBeLessThanOrEqual(MOST_BUCKETS);
    expect(bucketsIn(1, "1h")).toBe(25);
  });

  test("the usual one is always offered, and takes the place of one that is not", () => {
    for (const days of [1, 2, 3, 7, 28, 31, 90, 365, 1_000, 10_000])
      expect(offeredBuckets(days)).toContain(usualBucket(days));
    expect(bucketFor(1, "5m")).toBe("5m");
    expect(bucketFor(28, "1m")).toBe("1d");
    expect(BUCKETS).toContain(bucketFor(7, undefined));
  });
});
