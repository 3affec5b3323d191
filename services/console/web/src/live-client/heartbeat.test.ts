import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Heartbeat } from "./heartbeat";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function start() {
  const asked = vi.fn();
  const dead = vi.fn();
  const calls = () => [asked.mock.calls.length, dead.mock.calls.length];
  return { heartbeat: new Heartbeat(asked, dead), calls };
}

test("asks after 25 s of silence, and gives up 10 s later", () => {
  const { calls } = start();
  vi.advanceTimersByTime(24_999);
  expect(calls()).toEqual([0, 0]);
  vi.advanceTimersByTime(1);
  expect(calls()).toEqual([1, 0]);
  vi.advanceTimersByTime(9_999);
  expect(calls()).toEqual([1, 0]);
  vi.advanceTimersByTime(1);
  expect(calls()).toEqual([1, 1]);
});

test("asks for nothing while there is something to hear", () => {
  const { heartbeat, calls } = start();
  for (let second = 0; second < 120; second += 20) {
    heartbeat.heard();
    vi.advanceTimersByTime(20_000);
  }
  expect(calls()).toEqual([0, 0]);
});

test("an answer puts it at ease", () => {
  const { heartbeat, calls } = start();
  vi.advanceTimersByTime(34_000);
  heartbeat.heard();
  vi.advanceTimersByTime(24_000);
  expect(calls()).toEqual([1, 0]);
  vi.advanceTimersByTime(1_000);
  expect(calls()).toEqual([2, 0]);
});

test("after a sleep it asks before it gives up", () => {
  const { calls } = start();
  vi.setSystemTime(Date.now() + 3_600_000);
  vi.advanceTimersByTime(25_000);
  expect(calls()).toEqual([1, 0]);
});

test("asks at once when there is doubt, and says nothing after its end", () => {
  const { heartbeat, calls } = start();
  heartbeat.probe();
  heartbeat.probe();
  expect(calls()).toEqual([1, 0]);
  heartbeat.stop();
  vi.advanceTimersByTime(600_000);
  expect(calls()).toEqual([1, 0]);
});
