import { expect, test } from "vitest";
import type { Grant } from "../api/session";
import { may, mayAnywhere, mayEverywhere } from "./rights";

const everywhere: Grant[] = [{ venue: null, role: "operator" }];
const mixed: Grant[] = [
  { venue: null, role: "viewer" },
  { venue: "demo", role: "admin" },
];

test("a role is worth what those beneath it are, too", () => {
  expect([
    may(everywhere, "viewer", "x"),
    may(everywhere, "operator", "x"),
    may(everywhere, "admin", "x"),
  ]).toEqual([true, true, false]);
});

test("the role of a venue counts there and nowhere else", () => {
  expect([may(mixed, "admin", "demo"), may(mixed, "admin", "other"), may(mixed, "viewer", "other")]).toEqual([
    true,
    false,
    true,
  ]);
  expect([
    mayAnywhere(mixed, "admin"),
    mayEverywhere(mixed, "admin"),
    mayEverywhere(mixed, "viewer"),
  ]).toEqual([true, false, true]);
});

test("without a role nothing may be done", () => {
  expect([may([], "viewer", "demo"), mayAnywhere([], "viewer"), mayEverywhere([], "viewer")]).toEqual([
    false,
    false,
    false,
  ]);
});
