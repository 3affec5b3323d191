import { expect, test } from "vitest";
import { regions, strength } from "./heat";

test("a heatmap in words: which parts of the image are full", () => {
  const cells = new Array<number>(32 * 18).fill(0);
  cells[0] = 1; // top left
  cells[17 * 32 + 31] = 6; // bottom right
  cells[9 * 32 + 16] = 3; // in the centre
  expect(regions({ cells, columns: 32, rows: 18 }).slice(0, 4)).toEqual([
    { name: "bottom right", share: 0.6 },
    { name: "centre", share: 0.3 },
    { name: "top left", share: 0.1 },
    { name: "top middle", share: 0 },
  ]);
  expect(regions({ cells: [0, 0], columns: 2, rows: 1 })).toEqual([]);
});

test("strength grows from nothing to all", () => {
  expect([strength(0, 9), strength(1, 9), strength(9, 9), strength(0, 0)]).toEqual([0, 1 / 3, 1, 0]);
});
