import { expect, test } from "vitest";
import { asked } from "./query";

test("times are those of the venue's clocks", () => {
  const params = new URLSearchParams(
    "venue=demo&camera=%20entrance&class=person&from=2026-11-22T08:00&to=2026-11-22T09:30",
  );
  expect(asked(params, "Europe/Berlin")).toEqual({
    camera: "entrance",
    class: "person",
    state: undefined,
    from: "2026-11-22T07:00:00.000Z",
    to: "2026-11-22T08:30:00.000Z",
  });
});

test("what is no time is not asked for", () => {
  const { from, to } = asked(new URLSearchParams("from=yesterday&to=2026-11-22"), "UTC");
  expect([from, to]).toEqual([undefined, undefined]);
});
