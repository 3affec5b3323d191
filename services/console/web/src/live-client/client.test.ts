import { beforeEach, describe, expect, test, vi } from "vitest";
import { feed, isLive, open, server, states, statuses, until, watch } from "./client.fixture";
import { GOOD } from "./feed-server.fixture";
import type { Gap } from "./messages";

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
    open(GOOD, fail);
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
    open(GOOD, () => seen.push(feed));
    expect(seen).toEqual([]);
    await until(() => expect(seen).toEqual([feed, feed]));
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
