import { expect, test } from "vitest";
import { asked } from "./query";

test("days are those of the zone, and the last one is meant whole", () => {
  const params = new URLSearchParams("venue=demo&from=2026-11-01&to=2026-11-22&actor=%20anna");
  expect(asked(params, "Europe/Berlin")).toEqual({
    venue: "demo",
    actor: "anna",
    action: undefined,
    from: "2026-10-31T23:00:00.000Z",
    to: "2026-11-22T23:00:00.000Z",
  });
});

test("what is no day is not asked for", () => {
  expect(asked(new URLSearchParams("from=yesterday&to=x"), "UTC")).toMatchObject({
    from: undefined,
    to: undefined,
  });
});
