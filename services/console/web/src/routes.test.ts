import { expect, test } from "vitest";
import { isOurs, match } from "./routes";

test.each([
  ["/", "/", {}],
  ["/venues", "/venues", {}],
  ["/venues/old-town", "/venues/:venue", { venue: "old-town" }],
  ["/pictures/upload", "/pictures/upload", {}],
  ["/pictures/0193", "/pictures/:image", { image: "0193" }],
  ["/nodes/a%20b", "/nodes/:node", { node: "a b" }],
])("%s is the page %s", (path, route, params) => {
  const found = match(path);
  expect([found?.route.path, found?.params]).toEqual([route, params]);
});

test.each(["/nothing", "/venues/", "/venues/a/b", "/nodes/%E0%A4%A", "/api/v1/venues", "/api-docs"])(
  "%s is no page of ours",
  (path) => expect(isOurs(path)).toBe(false),
);
