import { describe, expect, test } from "vitest";
import { retryDelay, tokenExpiry } from "./client";

describe("retryDelay", () => {
  test("doubles, and stays below its ceiling", () => {
    const longest = [0, 1, 2, 3, 20].map((attempt) => retryDelay(attempt, () => 1));
    expect(longest).toEqual([500, 1000, 2000, 4000, 15_000]);
  });

  test("is spread over the upper half of its range", () => {
    expect(retryDelay(2, () => 0)).toBe(1000);
    expect(retryDelay(2, () => 0.5)).toBe(1500);
  });
});

describe("tokenExpiry", () => {
  const token = (claims: unknown) => `e30.${btoa(JSON.stringify(claims)).replace(/=+$/, "")}.x`;

  test("reads the end of a token", () => {
    expect(tokenExpiry(token({ sub: "viewer", exp: 1_795_389_333 }))).toBe(1_795_389_333_000);
  });

  test("is undefined for what is no viewer token", () => {
    for (const text of ["", "a.b.c", "nonsense", token({ sub: "viewer" })])
      expect(tokenExpiry(text)).toBeUndefined();
  });
});
