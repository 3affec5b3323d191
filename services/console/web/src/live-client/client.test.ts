import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { LiveFeed, type LiveFeedOptions } from "./client";
import { FeedServer, GOOD } from "./feed-server.fixture";
import type { FeedError, Gap } from "./messages";
import type { Status } from "./status";
import type { Wanted } from "./subscription";

const BETTER = "a.better.token";

let server: FeedServer;
let feed: LiveFeed;
let statuses: Status[];

beforeEach(async () => {
  server = await FeedServer.start();
  statuses = [];
});
afterEach(async () => {
  feed.close();
  vi.unstubAllGlobals();
  await server.stop();
});

const states = () => statuses.map(({ state }) => state);
const isLive = () => expect(statuses.at(-1)?.state).toBe("live");
const until = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 5 });

function open(token: LiveFeedOptions["token"] = GOOD): void {
  feed = new LiveFeed({ token, url: server.url, onStatus: (status) => statuses.push(status) });
}

/** A subscription that writes down what it gets: frames by number, snapshots as `snapshot` or `restart`. */
function watch(wanted: Partial<Wanted> = {}) {
  const story: (number | string)[] = [];
  const gaps: Gap[] = [];
  const errors: FeedError[] = [];
  const handle = feed.subscribe(
    { venue: "demo", ...wanted },
    {
      onFrame: ({ frame }) => story.push(frame ?? Number.NaN),
      onSnapshot: (_, missed) => story.push(missed ? "restart" : "snapshot"),
      onGap: (gap) => gaps.push(gap),
      onError: (error) => errors.push(error),
    },
  );
  return { story, gaps, errors, handle };
}

describe("a connection", () => {
  test("is authenticated first, then subscribed, then live", async () => {
    open();
    const { story } = watch();
    await until(isLive);
    expect(states()).toEqual(["connecting", "live"]);
    expect(server.received).toEqual([
      { type: "authenticate", token: GOOD },
      { type: "subscribe", id: "1", venue: "demo" },
    ]);
    server.publish(3);
    await until(() => expect(story).toEqual(["snapshot", 1, 2, 3]));
  });

  test("carries any number of subscriptions, as they are wanted", async () => {
    open();
    await until(isLive);
    const filter = { and: [{ class: { in: ["person"] } }, { not: { camera: { in: ["north/exit"] } } }] };
    const [first, second] = [watch(), watch({ filter, empty: false, backlog: false, maxRate: 0.5 })];
    await until(() => expect(first.story.concat(second.story)).toEqual(["snapshot", "snapshot"]));
    expect(server.subscribes).toEqual([
      { type: "subscribe", id: "1", venue: "demo" },
      { type: "subscribe", id: "2", venue: "demo", filter, empty: false, backlog: false, max_rate: 0.5 },
    ]);
    second.handle.close();
    await until(() => expect(server.received).toContainEqual({ type: "unsubscribe", id: "2" }));
    server.publish();
    await until(() => expect(first.story).toEqual(["snapshot", 1]));
    expect(second.story).toEqual(["snapshot"]);
  });

  test("goes on when one subscription is refused", async () => {
    open();
    server.refusals.set("other", "forbidden-venue");
    const [refused, other] = [watch({ venue: "other" }), watch()];
    await until(isLive);
    expect(refused.errors.map(({ code }) => code)).toEqual(["forbidden-venue"]);
    server.end();
    await until(() => expect(server.subscribes.map(({ id }) => id)).toEqual(["1", "2", "2"]));
    expect(other.errors).toEqual([]);
  });

  test("hands on gaps, and ignores what it does not know", async () => {
    open();
    const { story, gaps } = watch();
    await until(isLive);
    const gap: Gap = { type: "gap", id: "1", dropped: null, cameras: [], reason: "overload" };
    server.say({ type: "novelty" });
    server.say(gap);
    server.say({ ...gap, id: "unknown" });
    server.publish();
    await until(() => expect(story).toEqual(["snapshot", 1]));
    expect(gaps).toEqual([gap]);
  });

  test("goes on at a cursor that came without a frame", async () => {
    open();
    watch();
    await until(isLive);
    server.say({ type: "cursor", id: "1", cursor: "7" });
    server.end();
    await until(() => expect(server.subscribes.map(({ since }) => since)).toEqual([undefined, "7"]));
  });

  test("is asked again, after a pause, for what was one message too many", async () => {
    open();
    await until(isLive);
    server.tooMany = 2;
    const [first, second] = [watch(), watch()];
    await until(() => expect(first.story.concat(second.story)).toEqual(["snapshot", "snapshot"]));
    expect(server.subscribes.map(({ id }) => id)).toEqual(["1", "2", "1", "2"]);
    server.tooMany = 1;
    first.handle.close();
    const unsubscribes = () => server.received.filter(({ type }) => type === "unsubscribe");
    await until(() => expect(unsubscribes()).toHaveLength(2));
    expect([first.errors, second.errors, server.connections]).toEqual([[], [], 1]);
  });

  test("goes on when what the page gave throws", async () => {
    const report = vi.fn();
    vi.stubGlobal("reportError", report);
    const fail = () => {
      throw new Error("a mistake of the page");
    };
    feed = new LiveFeed({
      token: GOOD,
      url: server.url,
      onStatus: (status) => {
        statuses.push(status);
        fail();
      },
    });
    feed.subscribe({ venue: "demo" }, { onFrame: fail, onSnapshot: fail, onGap: fail });
    server.refusals.set("other", "forbidden-venue");
    feed.subscribe({ venue: "other" }, { onFrame: fail, onError: fail });
    await until(isLive);
    server.say({ type: "gap", id: "1", dropped: 1, cameras: [], reason: "slow" });
    server.publish(2);
    // Two statuses, a snapshot, an error, a gap, two frames.
    await until(() => expect(report).toHaveBeenCalledTimes(7));
  });

  test("tells its first status when the page has its feed", async () => {
    const seen: unknown[] = [];
    const mine = new LiveFeed({ token: GOOD, url: server.url, onStatus: () => seen.push(mine) });
    feed = mine;
    expect(seen).toEqual([]);
    await until(() => expect(seen).toEqual([mine, mine]));
  });

  test("that the browser does not allow stops the feed, and says why", async () => {
    const error = new DOMException("insecure", "SecurityError");
    const insecure = class {
      constructor() {
        throw error;
      }
    };
    vi.stubGlobal("WebSocket", insecure);
    open();
    await until(() =>
      expect(statuses.at(-1)).toEqual({ state: "stopped", attempt: 0, reason: "address", error }),
    );
  });

  test("is not begun when the feed is closed at once", async () => {
    open();
    feed.close();
    await new Promise((resolve) => setTimeout(resolve));
    expect(states()).toEqual(["stopped"]);
  });

  test("that has ended takes no subscription, and says so", async () => {
    open();
    await until(isLive);
    feed.close();
    const { errors } = watch();
    expect(errors).toEqual([]);
    await until(() => expect(errors).toHaveLength(1));
    expect(errors[0]).toMatchObject({ code: "stopped", message: "the feed has stopped: closed" });
  });

  test("ends for good when it is closed", async () => {
    open();
    watch();
    await until(isLive);
    feed.close();
    feed.close();
    await until(() => expect(server.open).toBe(0));
    expect(statuses.slice(2)).toEqual([{ state: "stopped", attempt: 0, reason: "closed" }]);
  });
});

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

test("a server that lets nobody in is left for another attempt", async () => {
  open();
  server.full = true;
  watch();
  await until(() => expect(statuses.at(-1)).toMatchObject({ state: "waiting", reason: "unavailable" }));
  server.full = false;
  await until(isLive);
});

describe("in a page", () => {
  const events = new EventTarget();
  const page = Object.assign(new EventTarget(), { visibilityState: "visible" });
  beforeEach(() => {
    vi.stubGlobal("addEventListener", events.addEventListener.bind(events));
    vi.stubGlobal("removeEventListener", events.removeEventListener.bind(events));
    vi.stubGlobal("document", page);
  });

  test("it does not wait any longer when the network is back", async () => {
    server.full = true;
    open();
    await until(() => expect(states().at(-1)).toBe("waiting"));
    events.dispatchEvent(new Event("online"));
    expect(states().at(-1)).toBe("connecting");
  });

  test("it makes sure of the connection when somebody looks at the page again", async () => {
    open();
    watch();
    await until(isLive);
    page.visibilityState = "hidden";
    page.dispatchEvent(new Event("visibilitychange"));
    page.visibilityState = "visible";
    page.dispatchEvent(new Event("visibilitychange"));
    await until(() => expect(server.received.filter(({ type }) => type === "ping")).toHaveLength(1));
    expect(states()).toEqual(["connecting", "live"]);
  });

  test("it stays closed", async () => {
    open();
    await until(isLive);
    feed.close();
    events.dispatchEvent(new Event("online"));
    page.dispatchEvent(new Event("visibilitychange"));
    expect(states()).toEqual(["connecting", "live", "stopped"]);
  });
});

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
