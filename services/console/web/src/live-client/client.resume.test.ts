import { describe, expect, test } from "vitest";
import { feed, isLive, open, server, states, statuses, until, watch } from "./client.fixture";

describe("after a disconnect", () => {
  test("nothing is missing and nothing doubled", async () => {
    open();
    const { story, handle } = watch();
    await until(isLive);
    for (let disconnects = 1; disconnects <= 3; disconnects++) {
      server.publish(5);
      server.end();
      server.publish(5);
      await until(() => expect(server.connections).toBe(disconnects + 1));
    }
    await until(() => expect(story).toHaveLength(31));
    expect(story).toEqual(["snapshot", ...Array.from({ length: 30 }, (_, i) => i + 1)]);
    expect(handle.cursor).toBe("30");
  });

  test("it begins anew with a snapshot, and says so, when the server no longer has what was missed", async () => {
    open();
    const { story } = watch();
    await until(isLive);
    server.publish();
    await until(() => expect(story).toEqual(["snapshot", 1]));
    server.end();
    server.publish(5);
    server.forget();
    await until(() => expect(story).toEqual(["snapshot", 1, "restart"]));
    server.publish();
    await until(() => expect(story).toEqual(["snapshot", 1, "restart", 7]));
  });

  test("nothing is missing and nothing doubled when what was missed comes in two parts", async () => {
    open();
    const { story } = watch();
    await until(isLive);
    server.publish(2);
    await until(() => expect(story).toHaveLength(3));
    server.end();
    server.publish(6);
    server.replayEndsAfter = 3;
    await until(() => expect(server.connections).toBe(3));
    server.publish();
    await until(() => expect(story).toEqual(["snapshot", 1, 2, 3, 4, 5, 6, 7, 8, 9]));
    expect(server.subscribes.map(({ since }) => since)).toEqual([undefined, "2", "5"]);
  });

  test("the newest of what was missed is shown to who wants few frames", async () => {
    open();
    const { story, gaps, handle } = watch({ maxRate: 1 });
    await until(isLive);
    server.publish();
    await until(() => expect(story).toEqual(["snapshot", 1]));
    server.end();
    server.publish(5);
    await until(() => expect(gaps).toHaveLength(1));
    expect([story, handle.cursor]).toEqual([["snapshot", 1, "snapshot"], "6"]);
    expect(gaps).toMatchObject([{ dropped: 4, reason: "rate" }]);
  });

  test("a cursor that is not understood is forgotten, and what was missed is told", async () => {
    open();
    const { story } = watch({ since: "nonsense" });
    await until(() => expect(story).toEqual(["restart"]));
    expect(server.subscribes.map(({ since }) => since)).toEqual(["nonsense", undefined]);
  });

  test("a server that never accepts a cursor is not asked for ever", async () => {
    open();
    server.refusals.set("demo", "invalid-cursor");
    const { errors } = watch({ since: "nonsense" });
    await until(() => expect(errors).toHaveLength(1));
    expect(server.subscribes.map(({ since }) => since)).toEqual(["nonsense", undefined]);
  });

  test.each([
    [1012, "restart"],
    [4408, "slow"],
    [1006, "lost"],
  ])("that had code %i it comes back (%s)", async (code, reason) => {
    open();
    watch();
    await until(isLive);
    server.end(code);
    await until(() => expect(states()).toEqual(["connecting", "live", "waiting", "connecting", "live"]));
    expect(statuses[2]).toMatchObject({ attempt: 1, reason, retryAt: expect.any(Number) });
    expect(statuses[3]).toMatchObject({ attempt: 1 });
  });

  test("that had code 4429 it waits for five seconds at least", async () => {
    open();
    watch();
    await until(isLive);
    const before = Date.now();
    server.end(4429);
    await until(() => expect(statuses.at(-1)).toMatchObject({ state: "waiting", reason: "flood" }));
    const status = statuses.at(-1);
    expect(status?.state === "waiting" && status.retryAt - before).toBeGreaterThanOrEqual(5000);
  });

  test("that had code 4400 nothing more is tried", async () => {
    open();
    watch();
    await until(isLive);
    server.end(4400);
    await until(() => expect(statuses.at(-1)).toEqual({ state: "stopped", attempt: 0, reason: "protocol" }));
  });

  test("a server without its broker is left for another attempt", async () => {
    open();
    server.refusals.set("demo", "unavailable");
    watch();
    await until(() => expect(statuses.at(-1)).toMatchObject({ state: "waiting", reason: "unavailable" }));
    server.refusals.clear();
    feed.retryNow();
    await until(isLive);
  });
});
