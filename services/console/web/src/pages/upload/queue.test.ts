import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ApiError } from "../../api/client";
import { type Send, UploadQueue } from "./queue";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const files = (...names: string[]) => names.map((name) => new File(["x"], name));
const states = ({ items }: UploadQueue) => items.value.map(({ state }) => state.is);
const settle = () => vi.advanceTimersByTimeAsync(0);

/** Sends nothing before it is told how each attempt ends. */
function heldSend() {
  const attempts: { name: string; id: string; signal: AbortSignal; end: (error?: Error) => void }[] = [];
  const send: Send = (file, { id, signal, onProgress }) =>
    new Promise((resolve, reject) => {
      onProgress(0.5);
      signal.addEventListener("abort", () => reject(signal.reason));
      attempts.push({ name: file.name, id, signal, end: (error) => (error ? reject(error) : resolve()) });
    });
  return { attempts, send };
}

test("two files are sent at a time, in order", async () => {
  const { attempts, send } = heldSend();
  const queue = new UploadQueue();
  queue.add(files("a", "b", "c"), send);
  expect(states(queue)).toEqual(["sending", "sending", "waiting"]);
  expect(queue.items.value[0]?.state).toEqual({ is: "sending", share: 0.5 });
  attempts[0]?.end();
  await settle();
  expect(states(queue)).toEqual(["received", "sending", "sending"]);
  expect(attempts.map(({ name }) => name)).toEqual(["a", "b", "c"]);
});

test("when there is no room a file is sent again after the time that the platform names, under its id", async () => {
  const { attempts, send } = heldSend();
  const queue = new UploadQueue();
  queue.add(files("a"), send);
  attempts[0]?.end(new ApiError(503, "No room.", {}, 7));
  await settle();
  expect(states(queue)).toEqual(["later"]);
  await vi.advanceTimersByTimeAsync(6_999);
  expect(attempts).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(attempts).toHaveLength(2);
  expect(attempts[1]?.id).toBe(attempts[0]?.id);
  attempts[1]?.end();
  await settle();
  expect(states(queue)).toEqual(["received"]);
});

test("what stays without room fails in the end, and can be sent again by hand", async () => {
  const { attempts, send } = heldSend();
  const queue = new UploadQueue();
  queue.add(files("a"), send);
  for (let at = 0; at < 6; at++) {
    attempts[at]?.end(new ApiError(429, "Too fast.", {}, 1));
    await vi.advanceTimersByTimeAsync(1_000);
  }
  expect([attempts.length, states(queue)]).toEqual([6, ["failed"]]);
  queue.retry(attempts[0]!.id);
  expect(states(queue)).toEqual(["sending"]);
});

test("a file that is refused is not sent again, and holds up no other", async () => {
  const { attempts, send } = heldSend();
  const queue = new UploadQueue();
  queue.add(files("a", "b", "c"), send);
  attempts[0]?.end(new ApiError(415, "This is no picture."));
  await settle();
  expect(states(queue)).toEqual(["failed", "sending", "sending"]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(attempts.map(({ name }) => name)).toEqual(["a", "b", "c"]);
});

test("what is cancelled stops at once and makes room", async () => {
  const { attempts, send } = heldSend();
  const queue = new UploadQueue();
  queue.add(files("a", "b", "c"), send);
  queue.cancel(attempts[0]!.id);
  await settle();
  expect([attempts[0]?.signal.aborted, states(queue)]).toEqual([true, ["cancelled", "sending", "sending"]]);
  queue.close();
  await settle();
  expect(states(queue)).toEqual(["cancelled", "cancelled", "cancelled"]);
  queue.tidy();
  expect(queue.items.value).toEqual([]);
});
