import { describe, expect, test } from "vitest";
import { isLive, open, server, states, statuses, until, watch } from "./client.fixture";
import { GOOD } from "./feed-server.fixture";

const BETTER = "a.better.token";

describe("a token", () => {
  test("that is not accepted stops a feed that has no other", async () => {
    open("a.bad.token");
    await until(() => expect(statuses.at(-1)).toMatchObject({ state: "stopped", reason: "unauthorized" }));
    expect(server.connections).toBe(1);
  });

  test("that has expired stops a feed that has no other", async () => {
    open();
    await until(isLive);
    server.end(4401);
    await until(() => expect(statuses.at(-1)).toMatchObject({ state: "stopped", reason: "expired" }));
  });

  test("that was not shown in time has not expired", async () => {
    open();
    server.deaf = true;
    watch();
    await until(() => expect(server.received).toHaveLength(1));
    server.deaf = false;
    server.end(4401);
    await until(isLive);
    expect(statuses[1]).toMatchObject({ state: "waiting", reason: "lost" });
  });

  test("that is none is not sent", async () => {
    open("<!doctype html>");
    await until(() => expect(statuses.at(-1)).toMatchObject({ state: "stopped", reason: "unauthorized" }));
    expect(statuses.at(-1)).toHaveProperty("error", expect.any(TypeError));
    expect(server.connections).toBe(0);
  });

  test("that is none is asked for again later", async () => {
    const tokens = ["<!doctype html>", GOOD];
    open(async () => tokens.shift() ?? "none left");
    await until(isLive);
    expect(statuses[1]).toMatchObject({ state: "waiting", reason: "token", error: expect.any(TypeError) });
    expect(server.received).toEqual([{ type: "authenticate", token: GOOD }]);
  });

  test("that cannot be had before the present one ends is asked for again", async () => {
    const answers = [GOOD, undefined, undefined, BETTER];
    server.tokens.add(BETTER);
    open(async () => answers.shift() ?? Promise.reject(new Error("no network")));
    watch();
    await until(isLive);
    server.say({ type: "expiring", expires_at: "2026-11-22T18:00:00Z" });
    await until(() => expect(server.received).toContainEqual({ type: "authenticate", token: BETTER }));
    expect([server.connections, states()]).toEqual([1, ["connecting", "live"]]);
  });

  test("that cannot be had after one was refused is the reason to wait", async () => {
    const answers = ["a.bad.token", undefined, GOOD];
    const error = new Error("no network");
    open(async () => answers.shift() ?? Promise.reject(error));
    await until(isLive);
    expect(statuses[1]).toMatchObject({ state: "waiting", attempt: 1, reason: "token", error });
  });

  test("that lets see less ends what it does not cover, and the rest goes on", async () => {
    open();
    server.venues = ["demo", "other"];
    const [demo, other] = [watch(), watch({ venue: "other" })];
    await until(isLive);
    server.publish(2);
    await until(() => expect(demo.story).toEqual(["snapshot", 1, 2]));
    server.venues = ["demo"];
    server.say({ type: "authenticated", venues: ["demo"], expires_at: "2026-11-22T18:00:00Z" });
    for (const id of ["1", "2"]) {
      server.say({
        type: "error",
        id,
        code: "forbidden-venue",
        message: "the new token does not cover this",
      });
      server.say({ type: "unsubscribed", id });
    }
    await until(() => expect(other.errors).toMatchObject([{ code: "forbidden-venue" }]));
    await until(() => expect(server.subscribes).toHaveLength(3));
    expect(server.subscribes[2]).toMatchObject({ id: "1", since: "2" });
    server.publish();
    await until(() => expect(demo.story).toEqual(["snapshot", 1, 2, 3]));
    // Once for each token.
    server.say({ type: "error", id: "1", code: "forbidden-venue", message: "still not" });
    await until(() => expect(demo.errors).toHaveLength(1));
    expect(server.subscribes).toHaveLength(3);
  });

  test("for all venues lets a subscription go on that another token has ended", async () => {
    open();
    const demo = watch();
    await until(isLive);
    server.publish();
    await until(() => expect(demo.story).toEqual(["snapshot", 1]));
    server.venues = ["*"];
    server.say({ type: "authenticated", venues: ["*"], expires_at: "2026-11-22T18:00:00Z" });
    server.say({
      type: "error",
      id: "1",
      code: "forbidden-venue",
      message: "the new token does not cover this",
    });
    server.say({ type: "unsubscribed", id: "1" });
    await until(() => expect(server.subscribes).toHaveLength(2));
    server.publish();
    await until(() => expect(demo.story).toEqual(["snapshot", 1, 2]));
  });

  test("that is about to expire is replaced without a reconnect", async () => {
    const tokens = [GOOD, BETTER];
    server.tokens.add(BETTER);
    open(async () => tokens.shift() ?? "none left");
    const { story } = watch();
    await until(isLive);
    server.say({ type: "expiring", expires_at: "2026-11-22T18:00:00Z" });
    await until(() => expect(server.received).toContainEqual({ type: "authenticate", token: BETTER }));
    server.publish();
    await until(() => expect(story).toEqual(["snapshot", 1]));
    expect([server.connections, server.subscribes.length]).toEqual([1, 1]);
  });

  test("that has expired is replaced, and the feed goes on where it was", async () => {
    const tokens = [GOOD, BETTER];
    open(async () => tokens.shift() ?? "none left");
    const { story } = watch();
    await until(isLive);
    server.publish();
    server.tokens.delete(GOOD);
    server.tokens.add(BETTER);
    server.end(4401);
    server.publish();
    await until(() => expect(story).toEqual(["snapshot", 1, 2]));
  });

  test("that is not accepted is asked for once more, on the same connection, and not a third time", async () => {
    const tokens = ["a.bad.token", "a.worse.token", GOOD];
    open(async () => tokens.shift() ?? "none left");
    await until(() => expect(statuses.at(-1)).toMatchObject({ state: "stopped", reason: "unauthorized" }));
    expect([server.connections, tokens]).toEqual([1, [GOOD]]);
  });

  test("that cannot be had now is asked for again later", async () => {
    let asked = 0;
    open(async () => {
      if (++asked === 1) throw new Error("no network");
      return GOOD;
    });
    watch();
    await until(isLive);
    expect(statuses[1]).toMatchObject({ state: "waiting", attempt: 1, reason: "token" });
  });
});
