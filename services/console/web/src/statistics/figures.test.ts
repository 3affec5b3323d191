import { describe, expect, test } from "vitest";
import { comparedLabel, latest, seriesLabel, sum } from "./figures";
import { bucketLabel } from "./labels";
import { figure, signed } from "./measures";

const at = (text: string) => Date.parse(text);
const BERLIN = "Europe/Berlin";

describe("a bucket is named in the venue's zone", () => {
  test.each([
    ["2026-11-22T13:00:00Z", "2026-11-22T14:00:00Z", "Sun 22 Nov 2026, 14:00–15:00"],
    ["2026-11-21T23:00:00Z", "2026-11-22T23:00:00Z", "Sun 22 Nov 2026"],
    ["2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", "Sun 29 Mar 2026"],
    ["2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", "Sun 25 Oct 2026"],
    ["2026-11-15T23:00:00Z", "2026-11-22T23:00:00Z", "Mon 16 Nov – Sun 22 Nov 2026"],
    ["2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z", "Mar 2026"],
    // The hour that comes twice says which of the two it is.
    ["2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "Sun 25 Oct 2026, 02:00–02:00 GMT+2"],
    ["2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z", "Sun 25 Oct 2026, 02:00–03:00 GMT+1"],
  ])("%s to %s", (start, end, label) => {
    expect(bucketLabel(at(start), at(end), BERLIN).replaceAll(",", "")).toBe(label.replaceAll(",", ""));
  });

  test("a bucket is compared with the same hours of another day, across a change of the clocks", () => {
    const edges = [at("2026-03-30T08:00:00Z"), at("2026-03-30T09:00:00Z")]; // 10 to 11
    expect(comparedLabel(edges, 0, "7d", "2026-03-30", BERLIN)).toMatch(/Mon,? 23 Mar 2026, 10:00–11:00/);
    expect(comparedLabel(edges, 0, "2026-03-01", "2026-03-30", BERLIN)).toMatch(
      /Sun,? 1 Mar 2026, 10:00–11:00/,
    );
  });
});

test("lines are named by what they are grouped by", () => {
  const names = {
    isSingle: false,
    venue: (slug: string) => slug.toUpperCase(),
    camera: (_: string | null, name: string) => `${name}!`,
  };
  expect(seriesLabel({ venue: "demo", camera: "north/a", class: "car" }, names)).toBe(
    "DEMO · north/a! · car",
  );
  expect(seriesLabel({ venue: "demo", camera: "a", class: null }, { ...names, isSingle: true })).toBe("a!");
  expect(seriesLabel({ venue: null, camera: null, class: null }, names)).toBe("All");
});

test("a sum of lines is unknown only where all are", () => {
  expect(
    sum([
      [1, null, null, 0],
      [2, 3, null],
    ]),
  ).toEqual([3, 3, null, 0]);
  expect(sum([])).toEqual([]);
});

test("the latest value, with what it is compared with", () => {
  expect(latest([1, 2, null], [5, 6, 7])).toEqual({ value: 2, before: 6 });
  expect(latest([0, null], [])).toEqual({ value: 0, before: null });
  expect(latest([null], [1])).toBeUndefined();
});

test("figures and differences", () => {
  expect(figure("detections", 1234567)).toBe("1,234,567");
  expect(figure("mean_per_frame", 1.234)).toBe("1.23");
  expect(figure("peak", null)).toBe("–");
  expect([
    signed("detections", 12),
    signed("detections", -1200),
    signed("detections", 0),
    signed("peak", null),
  ]).toEqual(["+12", "−1,200", "0", "–"]);
});
