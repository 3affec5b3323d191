import { useEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import { type FeedError, LiveClient, type Status } from "../live/client";
import { VenueFeed } from "../live/feed";

/** Watches one venue for as long as the component is on the page. */
export function useVenueFeed(venue: string, token: string) {
  const feed = useMemo(() => new VenueFeed(venue, token), [venue, token]);
  const client = useRef<LiveClient | null>(null);
  const [status, setStatus] = useState<Status>({ state: "connecting" });
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
    const live = new LiveClient({ token, onStatus: setStatus });
    client.current = live;
    live.subscribe(
      { venue },
      {
        onFrame: (frame) => feed.receive(frame),
        onSubscribed: () => {
          feed.catchUp();
          if (!feed.loaded) void load();
        },
        onGap: (gap) => feed.noteDropped(gap.dropped),
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
