import { expect, test } from "vitest";
import { slugOf } from "./slug";

test.each([
  ["Old Town", "old-town"],
  ["Großer Saal (West)", "grosser-saal-west"],
  ["Île d’Orléans – quai", "ile-d-orleans-quai"],
  ["  ", ""],
  ["東京", ""],
  ["x".repeat(60), "x".repeat(40)],
  [`${"x".repeat(39)} y`, "x".repeat(39)],
])("the slug of %j is %j", (name, slug) => expect(slugOf(name)).toBe(slug));
