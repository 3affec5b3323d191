import { useEffect, useRef, useState } from "preact/hooks";
import { asApiError, type ApiError } from "../../api/client";
import { type JournalEntry, type JournalPage, listJournal } from "../../api/journal";
import { type Resource, useResource } from "../../useResource";
import { type Action, useAction } from "../../useAction";
import { type Asked, type Shown, withNewer, withOlder } from "./query";

const AT_ONCE = 100;
const TAIL_MS = 2_000;
/** So many rows are quickly drawn, and so many at most are in an answer. */
const MOST = 1_000;

interface Journal {
  first: Resource<JournalPage>;
  entries: JournalEntry[];
  /** Loads older entries; undefined: there are none. */
  more: Action<[]> | undefined;
  /** Why new entries do not come at present. */
  tailError: ApiError | undefined;
}

/** The journal from now backwards and, while `isFollowing`, forwards. */
export function useJournal(wanted: Asked, isFollowing: boolean): Journal {
  // Up to where all is known. It grows also while nothing is found, so that nothing is looked through twice.
  const seen = useRef(0);
  const load = async (signal: AbortSignal) => {
    const page = await listJournal({ ...wanted, limit: AT_ONCE }, signal);
    seen.current = page.newest;
    return page;
  };
  const first = useResource(load, []);
  const [changed, setChanged] = useState<Shown>();
  const begun = first.data ?? NOTHING;
  const { entries, next } = changed ?? begun;
  const more = useAction(async () => {
    if (next === null) return;
    const page = await listJournal({ ...wanted, before: next, limit: AT_ONCE });
    setChanged((known = begun) => withOlder(known, page));
  });
  const tailError = useTail(first.data?.enabled === true && isFollowing, async (signal) => {
    const page = await listJournal({ ...wanted, after: seen.current, limit: MOST }, signal);
    if (signal.aborted) return;
    seen.current = page.newest;
    // What was loaded of the past stays.
    setChanged((known = begun) => withNewer(known, page, Math.max(MOST, known.entries.length)));
  });
  return { first, entries, more: next === null ? undefined : more, tailError };
}

const NOTHING: Shown = { entries: [], next: null };

/** Calls `ask` again and again, never twice at a time, while the page is seen. */
function useTail(isOn: boolean, ask: (signal: AbortSignal) => Promise<void>): ApiError | undefined {
  const [error, setError] = useState<ApiError>();
  const [turn, setTurn] = useState(0);
  const latest = useRef(ask);
  latest.current = ask;
  useEffect(() => {
    if (!isOn) return setError(undefined);
    const aborter = new AbortController();
    const timer = setTimeout(async () => {
      if (!document.hidden) {
        const failed = await latest.current(aborter.signal).then(() => undefined, asApiError);
        if (aborter.signal.aborted) return;
        setError(failed);
      }
      setTurn((n) => n + 1);
    }, TAIL_MS);
    return () => {
      clearTimeout(timer);
      aborter.abort();
    };
  }, [isOn, turn]);
  return error;
}
