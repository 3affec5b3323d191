import { expect, test } from "vitest";
import { reconnectDelay, restartDelay } from "./backoff";

test("the bound doubles from half a second to half a minute", () => {
  const longest = [0, 1, 2, 5, 6, 2000].map((failures) => reconnectDelay(failures, () => 1));
  expect(longest).toEqual([500, 1000, 2000, 16_000, 30_000, 30_000]);
});

test("the whole range below the bound is used", () => {
  expect([0, 0.25, 0.5].map((part) => reconnectDelay(2, () => part))).toEqual([0, 500, 1000]);
  expect([0, 0.5].map((part) => restartDelay(() => part))).toEqual([0, 500]);
});
