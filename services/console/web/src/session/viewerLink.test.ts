import { describe, expect, test } from "vitest";
import { isExpired, tokenExpiry, tokenIn } from "./viewerLink";

test.each([
  ["aa.bb-_.cc", "aa.bb-_.cc"],
  ["  aa.bb.cc\n", "aa.bb.cc"],
  ["https://city.example/live#token=aa.bb.cc", "aa.bb.cc"],
  ["/live?venue=demo#token=aa.bb.cc&x=1", "aa.bb.cc"],
  ["#token=aa.bb.cc", "aa.bb.cc"],
])("finds the token in %j", (text, token) => expect(tokenIn(text)).toBe(token));

test.each(["", "hello", "https://city.example/live", "aa.bb", "aa.bb.cc.dd", "#token=<script>"])(
  "finds no token in %j",
  (text) => expect(tokenIn(text)).toBeUndefined(),
);

describe("the end of a token", () => {
  const token = (claims: unknown) => `e30.${btoa(JSON.stringify(claims)).replace(/=+$/, "")}.x`;

  test("is read from it", () => {
    const old = token({ sub: "viewer", exp: 1_600_000_000 });
    expect([tokenExpiry(old), isExpired(old)]).toEqual([1_600_000_000_000, true]);
    expect(isExpired(token({ exp: 4_000_000_000 }))).toBe(false);
  });

  test("is unknown when the text is no viewer token", () => {
    for (const text of ["", "a.b.c", "nonsense", token({ sub: "viewer" })]) {
      expect([tokenExpiry(text), isExpired(text)]).toEqual([undefined, false]);
    }
  });
});
