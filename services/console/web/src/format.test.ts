import { expect, test } from "vitest";
import * as format from "./format";

test("numbers are grouped, and what is not known is no zero", () => {
  expect([format.number(1234567), format.number(0), format.number(null), format.number(undefined)]).toEqual([
    "1,234,567",
    "0",
    "–",
    "–",
  ]);
  expect([format.number(1234.567, 1), format.compact(1_234_567), format.compact(null)]).toEqual([
    "1,234.6",
    "1.23M",
    "–",
  ]);
});

test("shares and changes are percentages", () => {
  expect([format.percent(0.1234), format.percent(null)]).toEqual(["12.3%", "–"]);
  expect([1.12, 0.5, 1, null].map(format.change)).toEqual(["+12%", "-50%", "0%", "–"]);
});

test("things are counted in words", () => {
  expect([
    format.plural(1, "user"),
    format.plural(1200, "user"),
    format.plural(0, "match", "matches"),
  ]).toEqual(["1 user", "1,200 users", "0 matches"]);
});

test.each([
  [0, "just now"],
  [-59, "just now"],
  [-60, "1 minute ago"],
  [-7_200, "2 hours ago"],
  [-86_400, "yesterday"],
  [40, "in less than a minute"],
  [10 * 86_400, "in 10 days"],
  [-400 * 86_400, "last year"],
])("%i s from now is %j", (seconds, text) =>
  expect(format.relativeTime(1_795_000_000_000 + seconds * 1000, 1_795_000_000_000)).toBe(text),
);

test.each([
  [0.44, "0.4 s"],
  [42, "42 s"],
  [3_599, "59 min"],
  [86_400, "1 d"],
  [null, "–"],
])("%j s is told as %j", (value, text) => expect(format.seconds(value)).toBe(text));

test.each([
  [999, "999 B"],
  [1_234, "1.2 kB"],
  [123_456_789, "123 MB"],
])("%i bytes are %j", (value, text) => expect(format.bytes(value)).toBe(text));

test("times are told in the zone that is asked for, and UTC where it is not known", () => {
  const noon = Date.parse("2026-07-01T12:00:05Z");
  expect(format.dateTime(noon, "Europe/Berlin")).toBe("1 Jul 2026, 14:00:05");
  expect(format.clock(noon, "Europe/Berlin")).toBe("14:00:05.000");
  expect(format.date("2026-07-01T23:30:00Z", "Europe/Berlin")).toBe("2 Jul 2026");
  expect(format.zoneName(noon, "Europe/Berlin")).toBe("Europe/Berlin (GMT+2)");
  expect(format.dateTime(noon, "Mars/Olympus")).toBe("1 Jul 2026, 12:00:05");
});
