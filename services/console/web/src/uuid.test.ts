import { expect, test } from "vitest";
import { uuidV7 } from "./uuid";

test("a UUIDv7 has its time, version and variant", () => {
  const time = Date.parse("2026-11-23T02:00:00.123Z");
  const id = uuidV7(time);
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16)).toBe(time);
});

test("no two are the same, and later ones come later", () => {
  const ids = Array.from({ length: 1000 }, (_, at) => uuidV7(1_700_000_000_000 + at));
  expect(new Set(ids).size).toBe(1000);
  expect([...ids].sort()).toEqual(ids);
});
