import { useEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import { VenueFeed } from "../../live/feed";
import { type FeedError, LiveFeed, type Status } from "../../live-client";
import { isExpired } from "../../session/viewerLink";

/** A viewer token that stays the same, or what gets one that is valid now. */
export type TokenGiver = string | (() => Promise<string>);

/** Watches one venue for as long as the component is on the page. */
export function useVenueFeed(venue: string, token: TokenGiver) {
  const feed = useMemo(() => {
    return new VenueFeed(venue, typeof token === "string" ? () => Promise.resolve(token) : token);
  }, [venue, token]);
  const client = useRef<LiveFeed | null>(null);
  const [status, setStatus] = useState<Status>({ state: "connecting", attempt: 0 });
  const [refusal, setRefusal] = useState<FeedError>();
  const [loadProblem, setLoadProblem] = useState<string>();
  const [, redraw] = useReducer((n: number) => n + 1, 0);

  useEffect(() => {
    const stopListening = feed.onChange(() => redraw(undefined));
    const load = () =>
      feed.load().then(
        () => setLoadProblem(undefined),
        (error) => {
          if (!feed.isClosed) setLoadProblem(error instanceof Error ? error.message : String(error));
        },
      );
    void load();
    const live = new LiveFeed({ token, onStatus: (status) => setStatus(explained(status, token)) });
    client.current = live;
    live.subscribe(
      { venue, backlog: false },
      {
        onFrame: (frame) => feed.receive(frame),
        onSnapshot: (frames, missed) => {
          feed.begin(frames, missed);
          if (!feed.loaded) void load();
        },
        onGap: (gap) => feed.leaveOut(gap),
        onError: setRefusal,
      },
    );
    return () => {
      stopListening();
      live.close();
      feed.close();
    };
  }, [feed, venue, token]);

  return { feed, status, refusal, loadProblem, retry: () => client.current?.retryNow() };
}

/** A token that is not accepted because it has expired is told from a broken one. */
const explained = (status: Status, token: TokenGiver): Status =>
  status.state === "stopped" &&
  status.reason === "unauthorized" &&
  typeof token === "string" &&
  isExpired(token)
    ? { ...status, reason: "expired" }
    : status;
