import { expect, test } from "vitest";
import type { SnapshotFrame } from "../live-client";
import { Camera } from "./camera";

const NOW = Date.parse("2026-11-22T10:00:00Z");

const frame = (captured: number, people: number, age = 0): SnapshotFrame => ({
  node: "north",
  camera: "entrance",
  captured_at: new Date(captured).toISOString(),
  received_at: new Date(captured).toISOString(),
  age,
  detections: Array(people).fill({ class: "person", confidence: 0.9, box: [0.1, 0.1, 0.1, 0.1] }),
});

test("a snapshot is shown at once, and is as old as it is", () => {
  const camera = new Camera("north", "entrance");
  camera.begin(frame(NOW - 2000, 3, 2), NOW);
  expect([camera.shown?.detections.length, camera.people(NOW)]).toEqual([3, 3]);
  expect(camera.isSilent(NOW + 2900)).toBe(false);
  expect(camera.isSilent(NOW + 3100)).toBe(true);
});

test("an old snapshot is a silent camera", () => {
  const camera = new Camera("north", "entrance");
  camera.begin(frame(NOW - 60_000, 3, 60), NOW);
  expect([camera.shown?.detections.length, camera.people(NOW)]).toEqual([3, undefined]);
  expect(camera.heardAt).toBe(NOW - 60_000);
});

test("nothing older follows a snapshot, and what is newer is not held up by it", () => {
  const camera = new Camera("north", "entrance");
  camera.begin(frame(NOW - 1000, 3, 1), NOW);
  camera.receive(frame(NOW - 1500, 1), NOW);
  expect(camera.advance(NOW + 10)).toBe(false);
  camera.receive(frame(NOW, 2), NOW + 100);
  expect(camera.advance(NOW + 100)).toBe(true);
  expect(camera.people(NOW + 100)).toBe(2);
});

test("a new beginning takes the place of what still waits", () => {
  const camera = new Camera("north", "entrance");
  camera.receive(frame(NOW - 1000, 1), NOW);
  camera.receive(frame(NOW, 1), NOW);
  camera.begin(frame(NOW + 30_000, 4, 0), NOW + 30_000);
  expect(camera.advance(NOW + 40_000)).toBe(false);
  expect(camera.shown?.detections.length).toBe(4);
});

test("what was missed and is sent again is as old as it is", () => {
  const camera = new Camera("north", "entrance");
  camera.receive(frame(NOW, 1), NOW + 70);
  const back = NOW + 120_000;
  for (let at = NOW; at <= NOW + 60_000; at += 500) camera.receive(frame(at, 2), back);
  camera.advance(back);
  expect(camera.heardAt).toBe(NOW + 60_070);
  expect([camera.isSilent(back), camera.people(back), camera.rate(back)]).toEqual([true, undefined, 0]);
  for (let at = NOW + 60_500; at <= back; at += 500) camera.receive(frame(at, 3), back + 100);
  expect([camera.isSilent(back + 100), camera.rate(back + 100)]).toEqual([false, 2]);
});

test("after a snapshot, too", () => {
  const camera = new Camera("north", "entrance");
  camera.begin(frame(NOW - 2000, 1, 2), NOW);
  camera.receive(frame(NOW + 1000, 2), NOW + 90_000);
  expect([camera.heardAt, camera.people(NOW + 90_000)]).toEqual([NOW + 1000, undefined]);
});
