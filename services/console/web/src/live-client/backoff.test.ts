import { expect, test } from "vitest";
import { reconnectDelay, retryDelay } from "./backoff";

test("the bound grows by half each time, from half a second to half a minute", () => {
  const longest = [0, 1, 2, 10, 11, 2000].map((failures) => retryDelay(failures, () => 1));
  expect(longest).toEqual([500, 750, 1125, 500 * 1.5 ** 10, 30_000, 30_000]);
});

test("the whole range below the bound is used", () => {
  expect([0, 0.25, 0.5].map((part) => retryDelay(2, () => part))).toEqual([0, 281.25, 562.5]);
});

test("after a restart the others are given a second, once", () => {
  expect([0, 0.5].map((part) => reconnectDelay("restart", 0, () => part))).toEqual([0, 500]);
  expect(reconnectDelay("restart", 1, () => 0.5)).toBe(375);
  expect(reconnectDelay("lost", 0, () => 0.5)).toBe(250);
});

test("who sent too much waits for five seconds at least", () => {
  expect([0, 1].map((part) => reconnectDelay("flood", 0, () => part))).toEqual([5000, 5500]);
});
