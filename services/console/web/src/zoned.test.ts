import { expect, test } from "vitest";
import { momentOf, nextDay, startOfDay } from "./zoned";

test.each([
  ["2026-11-22", "UTC", "2026-11-22T00:00:00Z"],
  ["2026-11-22", "Europe/Berlin", "2026-11-21T23:00:00Z"],
  ["2026-11-22", "Asia/Kolkata", "2026-11-21T18:30:00Z"],
  ["2026-11-22", "Pacific/Auckland", "2026-11-21T11:00:00Z"],
  // The clocks change on these days, after midnight; and on the day before.
  ["2026-03-29", "Europe/Berlin", "2026-03-28T23:00:00Z"],
  ["2026-03-30", "Europe/Berlin", "2026-03-29T22:00:00Z"],
  ["2026-10-25", "Europe/Berlin", "2026-10-24T22:00:00Z"],
  ["2026-10-26", "Europe/Berlin", "2026-10-25T23:00:00Z"],
])("the day %s begins in %s at %s", (day, zone, start) =>
  expect(startOfDay(day, zone)).toBe(Date.parse(start)),
);

test.each(["", "22.11.2026", "2026-13-40", "2026-11-22T10:00"])("%j is no day", (text) =>
  expect(startOfDay(text, "UTC")).toBeUndefined(),
);

test.each([
  ["2026-11-22T14:30", "Europe/Berlin", "2026-11-22T13:30:00Z"],
  ["2026-07-01T00:05", "Pacific/Auckland", "2026-06-30T12:05:00Z"],
])("the clocks show %s in %s at %s", (local, zone, moment) =>
  expect(momentOf(local, zone)).toBe(Date.parse(moment)),
);

test.each(["", "2026-11-22", "2026-11-22T25:00", "now"])("%j is no time", (text) =>
  expect(momentOf(text, "UTC")).toBeUndefined(),
);

test("the day after the last of a month is the first of the next", () => {
  expect([nextDay("2026-02-28"), nextDay("2026-12-31")]).toEqual(["2026-03-01", "2027-01-01"]);
});
