import { expect, test } from "vitest";
import { ServerClock } from "./serverClock";

/** The platform's clock is an hour behind, and its frames take 50 ms at least. */
const HOUR = 3_600_000;
const BEHIND = -HOUR;

test("the fastest frame tells the difference", () => {
  const clock = new ServerClock();
  for (const [time, delay] of [
    [0, 90],
    [1000, 50],
    [2000, 400],
  ] as const)
    clock.see(time + BEHIND, time + delay);
  expect(clock.here(2000 + BEHIND)).toBe(2050);
});

test("what comes minutes late is minutes old, also when much of it comes", () => {
  const clock = new ServerClock();
  clock.see(BEHIND, 50);
  for (let time = 0; time < 60_000; time += 1000) clock.see(time + BEHIND, 120_000 + time / 1000);
  expect(clock.here(BEHIND + 60_000)).toBe(60_050);
});

test.each([HOUR, -HOUR])("a clock that is set by %i ms is followed within seconds", (step) => {
  const clock = new ServerClock();
  clock.see(BEHIND, 50);
  for (let time = 1000; time <= 25_000; time += 1000) clock.see(time + BEHIND, time + step + 50);
  expect(clock.here(25_000 + BEHIND)).toBe(25_000 + step + 50);
});
