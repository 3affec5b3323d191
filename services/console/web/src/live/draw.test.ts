import { describe, expect, test } from "vitest";
import type { Frame } from "../live-client";
import { fitPicture, trackColour } from "./draw";

const sized = (width: number, height: number) => ({ width, height }) as Frame;

describe("fitPicture", () => {
  test("keeps the shape of the image, whatever the stage", () => {
    expect(fitPicture(360, 240, sized(640, 480))).toEqual({ x: 20, y: 0, width: 320, height: 240 });
    expect(fitPicture(300, 200, sized(1080, 1920)).height).toBe(200);
    expect(fitPicture(320, 200, sized(1920, 1080))).toEqual({ x: 0, y: 10, width: 320, height: 180 });
  });

  test("takes 16:9 when the size is unknown", () => {
    expect(fitPicture(320, 200, undefined)).toEqual({ x: 0, y: 10, width: 320, height: 180 });
  });
});

test("a track keeps its colour, and neighbours differ", () => {
  expect(trackColour(7, "50%")).toBe(trackColour(7, "50%"));
  const hues = [1, 2, 3, 4, 5].map((id) => trackColour(id, "50%"));
  expect(new Set(hues).size).toBe(5);
});
