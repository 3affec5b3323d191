import { expect, test } from "vitest";
import { reconnectDelay, restartDelay } from "./backoff";

test("the bound grows by half each time, from half a second to half a minute", () => {
  const longest = [0, 1, 2, 10, 11, 2000].map((failures) => reconnectDelay(failures, () => 1));
  expect(longest).toEqual([500, 750, 1125, 500 * 1.5 ** 10, 30_000, 30_000]);
});

test("the whole range below the bound is used", () => {
  expect([0, 0.25, 0.5].map((part) => reconnectDelay(2, () => part))).toEqual([0, 281.25, 562.5]);
  expect([0, 0.5].map((part) => restartDelay(() => part))).toEqual([0, 500]);
});
