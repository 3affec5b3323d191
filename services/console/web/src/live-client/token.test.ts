import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { TokenSource } from "./token";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("a token is asked for once, until it is forgotten", async () => {
  const ask = vi.fn(async () => `token.number.${ask.mock.calls.length}\n`);
  const tokens = new TokenSource(ask);
  expect(await Promise.all([tokens.get(), tokens.get()])).toEqual(["token.number.1", "token.number.1"]);
  tokens.forget();
  expect(await tokens.get()).toBe("token.number.2");
});

test("a failure is not kept", async () => {
  const ask = vi.fn(async () => "a.good.token").mockRejectedValueOnce(new Error("no network"));
  const tokens = new TokenSource(ask);
  await expect(tokens.get()).rejects.toThrow("no network");
  expect(await tokens.get()).toBe("a.good.token");
});

test("a function that throws, instead of promising, fails as well", async () => {
  const tokens = new TokenSource(() => {
    throw new Error("not even a promise");
  });
  await expect(tokens.get()).rejects.toThrow("not even a promise");
});

test("a function that never answers has failed after half a minute", async () => {
  const tokens = new TokenSource(() => new Promise(() => {}));
  const failure = expect(tokens.get()).rejects.toThrow("No token came within 30 seconds.");
  await vi.advanceTimersByTimeAsync(30_000);
  await failure;
  expect(vi.getTimerCount()).toBe(0);
});

test.each([
  "",
  "token",
  "<!doctype html><title>404 Not Found. Sorry. Really.</title>",
  "two.parts",
  "a.b.c.d",
  `a.${"b".repeat(8000)}.c`,
])("what is no token is refused, and not repeated: %.20s", async (text) => {
  for (const given of [text, async () => text]) {
    await expect(new TokenSource(given).get()).rejects.toThrow(/^This is not a viewer token: [a-z ]+\.$/);
  }
});
