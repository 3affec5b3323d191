import { expect, test } from "vitest";
import type { ImageDetails } from "../../api/images";
import type { JournalEntry } from "../../api/journal";
import { timeline } from "./timeline";

const image = (more: Partial<ImageDetails> = {}): ImageDetails => ({
  id: "0193",
  venue: "demo",
  node: "north",
  camera: "entrance",
  captured_at: "2026-11-23T02:00:00.000Z",
  received_at: "2026-11-23T02:00:00.050Z",
  transformed_at: "2026-11-23T02:00:00.120Z",
  saved_at: "2026-11-23T02:00:00.135Z",
  kept_until: "2026-12-23T02:00:00.050Z",
  frame: null,
  width: 1920,
  height: 1080,
  boxes: [],
  boxes_from: "upload",
  state: "ready",
  reason: null,
  detail: null,
  variants: [],
  ...more,
});

const entry = (id: number, routing_key: string): JournalEntry => ({
  id,
  at: "2026-11-23T02:00:00.060Z",
  exchange: "citytrack.images",
  routing_key,
  type: null,
  message_id: null,
  image_id: "0193",
  size: 1000,
  trace_id: null,
  venue: "demo",
});

test("a picture that is ready has come all the way, and each step tells how long it took", () => {
  const steps = timeline(image(), []);
  expect(steps.map(({ name, state, took }) => [name, state, took])).toEqual([
    ["Captured", "done", undefined],
    ["Received", "done", "50 ms"],
    ["Transformed", "done", "70 ms"],
    ["Saved", "done", "15 ms"],
  ]);
});

test("where nobody said when a picture was captured, its way begins when it was received", () => {
  const [first] = timeline(image({ captured_at: image().received_at }), []);
  expect([first?.name, first?.took]).toEqual(["Received", undefined]);
});

test("messages stand at the step that they carried on, the oldest first", () => {
  const journal = [
    entry(9, "images.answered.api-1"),
    entry(8, "images.transformed.demo"),
    entry(3, "images.uploaded.demo"),
    entry(2, "something.else"),
  ];
  const steps = timeline(image(), journal);
  expect(steps.map(({ messages }) => messages.map(({ id }) => id))).toEqual([[], [3], [8, 9], []]);
});

test("what is still to come is waited for", () => {
  const waiting = timeline(image({ state: "received", transformed_at: null, saved_at: null }), []);
  expect(waiting.map(({ state }) => state)).toEqual(["done", "done", "waiting", "waiting"]);
});

test("a picture that failed says why, and one that was deleted that it was", () => {
  const failed = timeline(image({ state: "failed", reason: "truncated-picture" }), []);
  expect(failed[2]).toMatchObject({ state: "failed", text: "Truncated picture." });
  expect(timeline(image({ state: "expired" }), []).at(-1)).toMatchObject({ name: "Deleted", state: "over" });
});
