import { expect, test } from "vitest";
import type { Gap } from "../live-client";
import { Gaps } from "./gaps";

const gap = (reason: Gap["reason"], dropped: number | null): Gap => ({
  type: "gap",
  id: "1",
  reason,
  dropped,
  cameras: [],
});
const clock = (time: number) => `${time} o'clock`;

test("there is nothing to say when nothing is missing", () => {
  expect(new Gaps().sentences(clock)).toEqual([]);
});

test("each cause has its sentence", () => {
  const gaps = new Gaps();
  gaps.add(gap("slow", 1), 1);
  expect(gaps.sentences(clock)[0]).toMatch(/^1 frame was left out/);
  gaps.add(gap("slow", 1999), 2);
  gaps.add(gap("rate", 7), 3);
  gaps.add(gap("overload", null), 4);
  gaps.restarted(5);
  expect(gaps.sentences(clock)).toEqual([
    "2,000 frames were left out because this browser or its network was too slow.",
    "The live feed was overloaded, last at 4 o'clock: frames are missing.",
    "The picture began anew at 5 o'clock: frames before that are missing.",
  ]);
});
