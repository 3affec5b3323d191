import { describe, expect, test } from "vitest";
import { stepOf } from "./keys";
import { tickLabel, ticks } from "./ticks";

const at = (text: string) => Date.parse(text);
const labels = (from: string, to: string, zone: string, most: number) => {
  const { times, step } = ticks(at(from), at(to), zone, most);
  return times.map((time) => tickLabel(time, step, zone));
};

describe("marks of the time axis", () => {
  test("stand at round hours of the venue, and say where a day begins", () => {
    expect(labels("2026-11-21T20:00:00Z", "2026-11-22T08:00:00Z", "Europe/Berlin", 5)).toEqual([
      "21:00",
      expect.stringMatching(/^Sun,? 22 Nov$/),
      "03:00",
      "06:00",
      "09:00",
    ]);
    expect(labels("2026-11-22T00:10:00Z", "2026-11-22T02:00:00Z", "Asia/Kathmandu", 3)).toEqual([
      "06:00",
      "07:00",
    ]);
  });

  test("a day of 23 hours leaves a mark out, one of 25 hours has all", () => {
    expect(labels("2026-03-29T00:00:00Z", "2026-03-29T03:00:00Z", "Europe/Berlin", 4)).toEqual([
      "01:00",
      "03:00",
      "04:00",
      "05:00",
    ]);
    const autumn = ticks(at("2026-10-24T22:00:00Z"), at("2026-10-25T23:00:00Z"), "Europe/Berlin", 5);
    expect(autumn.times).toHaveLength(5); // 00, 06, 12, 18, 00
    expect(autumn.times.map((time) => new Date(time).toISOString().slice(11, 13))).toEqual([
      "22",
      "05",
      "11",
      "17",
      "23",
    ]);
  });

  test("weeks begin on Mondays, months on their first day, by the venue's calendar", () => {
    const weeks = labels("2026-11-01T00:00:00Z", "2026-12-15T00:00:00Z", "Pacific/Auckland", 7);
    expect(weeks).toEqual(["2 Nov", "9 Nov", "16 Nov", "23 Nov", "30 Nov", "7 Dec", "14 Dec"]);
    expect(labels("2026-01-15T00:00:00Z", "2026-06-15T00:00:00Z", "Europe/Berlin", 6)).toEqual([
      "Feb 2026",
      "Mar 2026",
      "Apr 2026",
      "May 2026",
      "Jun 2026",
    ]);
  });

  test("are never too many", () => {
    for (const days of [0.01, 0.5, 1, 3, 10, 40, 100, 400, 4_000, 40_000]) {
      const from = at("2026-01-01T00:00:00Z");
      expect(ticks(from, from + days * 86_400_000, "Europe/Berlin", 8).times.length).toBeLessThanOrEqual(10);
    }
  });
});

test("keys walk through the values", () => {
  expect(stepOf("ArrowRight", undefined, 5)).toBe(0);
  expect(stepOf("ArrowLeft", undefined, 5)).toBe(4);
  expect(stepOf("ArrowRight", 4, 5)).toBe(4);
  expect(stepOf("ArrowLeft", 2, 5)).toBe(1);
  expect([stepOf("Home", 3, 5), stepOf("End", 3, 5), stepOf("PageDown", 0, 100)]).toEqual([0, 4, 10]);
  expect(stepOf("a", 1, 5)).toBeUndefined();
  expect(stepOf("ArrowRight", undefined, 0)).toBeUndefined();
});
