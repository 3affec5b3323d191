import { expect, test } from "vitest";
import type { ImageBox } from "../api/images";
import { tellBoxes, tellFailure, took } from "./tell";

const boxes = (...classes: string[]): ImageBox[] =>
  classes.map((name) => ({ class: name, confidence: 0.9, box: [0, 0, 0.1, 0.1] }));

test("what is on a picture is told by class, the most frequent first", () => {
  expect(tellBoxes(boxes("car", "person", "person", "bicycle"))).toBe("2 × person, 1 × bicycle, 1 × car");
  expect(tellBoxes([])).toBe("nothing on it");
  expect(tellBoxes(null)).toBe("not known what is on it");
});

test("a failure is told in its own words, else by its name", () => {
  expect(tellFailure({ reason: "truncated", detail: "the picture ends too early" })).toBe(
    "The picture ends too early.",
  );
  expect(tellFailure({ reason: "took-too-long", detail: null })).toBe("Took too long.");
});

test.each([
  ["2026-11-23T02:00:00.000Z", "2026-11-23T02:00:00.035Z", "35 ms"],
  ["2026-11-23T02:00:00.000Z", "2026-11-23T02:00:04.240Z", "4.2 s"],
  // The node's clock is ahead.
  ["2026-11-23T02:00:01.000Z", "2026-11-23T02:00:00.000Z", "–"],
  [null, "2026-11-23T02:00:00.000Z", "–"],
])("from %s to %s it took %s", (from, to, told) => expect(took(from, to)).toBe(told));
