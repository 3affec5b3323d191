import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Resend } from "./resend";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("all that was not taken is sent again after a second, each once", () => {
  const sent: string[] = [];
  const resend = new Resend((id) => sent.push(id));
  for (const id of ["1", "2", "1"]) resend.later(id);
  vi.advanceTimersByTime(999);
  expect(sent).toEqual([]);
  vi.advanceTimersByTime(60_000);
  expect(sent).toEqual(["1", "2"]);
});

test("the pause doubles up to half a minute, until something is taken", () => {
  const send = vi.fn();
  const resend = new Resend(send);
  const pause = () => {
    const before = Date.now();
    resend.later("1");
    vi.advanceTimersToNextTimer();
    return Date.now() - before;
  };
  expect([1, 2, 3, 4, 5, 6, 7].map(pause)).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  resend.succeeded();
  expect(pause()).toBe(1000);
  expect(send).toHaveBeenCalledTimes(8);
});

test("nothing is sent any more when it is stopped", () => {
  const send = vi.fn();
  const resend = new Resend(send);
  resend.later("1");
  resend.stop();
  vi.advanceTimersByTime(60_000);
  expect(send).not.toHaveBeenCalled();
});
