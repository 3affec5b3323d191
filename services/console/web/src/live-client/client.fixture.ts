import { afterEach, beforeEach, expect, vi } from "vitest";
import { LiveFeed, type LiveFeedOptions } from "./client";
import { FeedServer, GOOD } from "./feed-server.fixture";
import type { FeedError, Gap } from "./messages";
import type { Status } from "./status";
import type { Wanted } from "./subscription";

/** A server and a feed for each test of a file that imports this. */
export let server: FeedServer;
export let feed: LiveFeed;
export let statuses: Status[];

beforeEach(async () => {
  server = await FeedServer.start();
  statuses = [];
});
afterEach(async () => {
  feed.close();
  vi.unstubAllGlobals();
  await server.stop();
});

export const states = () => statuses.map(({ state }) => state);
export const isLive = () => expect(statuses.at(-1)?.state).toBe("live");
export const until = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 5 });

export function open(token: LiveFeedOptions["token"] = GOOD, onStatus?: () => void): void {
  feed = new LiveFeed({
    token,
    url: server.url,
    onStatus: (status) => {
      statuses.push(status);
      onStatus?.();
    },
  });
}

/** A subscription that writes down what it gets: frames by number, snapshots as `snapshot` or `restart`. */
export function watch(wanted: Partial<Wanted> = {}) {
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
