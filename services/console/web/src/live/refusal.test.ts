import { expect, test } from "vitest";
import { refusalTitle } from "./refusal";

test.each([
  ["forbidden-venue", /not allowed/],
  ["too-many-subscriptions", /no more subscriptions/],
  ["invalid-message", /reload/],
  ["invalid-filter", /reload/],
  ["a-new-one", /refused/],
])("%s", (code, title) => {
  expect(refusalTitle(code)).toMatch(title);
});
