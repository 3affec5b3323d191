import { describe, expect, test } from "vitest";
import { read, statisticsAddress, type StatisticsQuery, USUAL, write } from "./query";

const asked = (text: string) => read(new URLSearchParams(text));

describe("the address holds the whole question", () => {
  const questions: StatisticsQuery[] = [
    USUAL,
    { ...USUAL, range: "today", venues: ["demo", "north-2"], measure: "tracks" },
    {
      venues: ["demo"],
      cameras: ["north/entrance", "yard"],
      classes: ["person", "car"],
      range: { from: "2026-03-01", to: "2026-03-31" },
      bucket: "1h",
      measure: "mean_per_frame",
      group: ["camera", "class"],
      compare: "52w",
      sameWeekday: false,
      chart: "bars",
    },
    { ...USUAL, compare: "2025-11-02", sameWeekday: true },
  ];
  test.each(questions)("and gives it back: %j", (query) => {
    expect(asked(write(query))).toEqual({ query, problems: [] });
  });
});

test("an address is short and can be read", () => {
  expect(statisticsAddress({})).toBe("/statistics");
  expect(
    statisticsAddress({ venues: ["demo"], cameras: ["north/a", "north/b"], compare: "7d", range: "28d" }),
  ).toBe("/statistics?venue=demo&camera=north/a,north/b&range=28d&compare=7d");
});

test.each([
  ["bucket=2m", "“2m” is no bucket; the usual is taken."],
  ["measure=people", "“people” is no measure; the usual is taken."],
  ["compare=2026-02-30", "“2026-02-30” is no compare; the usual is taken."],
  ["venue=Demo", "“Demo” is no venue; it is left out."],
  ["form=2026-01-01", "There is no “form” here; it is ignored."],
  [
    "from=2026-03-02&to=2026-03-01",
    "The range ends (2026-03-01) before it begins (2026-03-02); the usual range is taken.",
  ],
  ["from=2026-03-02", "“from” and “to” belong together; “to” is missing, so the usual range is taken."],
  [
    "from=today&to=2026-03-01",
    "“today” is no day for “from”, which is written like 2026-11-22; the usual range is taken.",
  ],
])("what is wrong in %s is named, and the usual is taken", (text, problem) => {
  expect(asked(text)).toEqual({ query: USUAL, problems: [problem] });
});

test("what is right beside something wrong is kept", () => {
  const { query } = asked("venue=demo,Not%20One,north&group=class,colour&bucket=7m");
  expect(query).toEqual({ ...USUAL, venues: ["demo", "north"], group: ["class"] });
});
