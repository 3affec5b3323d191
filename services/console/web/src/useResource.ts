import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError, asApiError } from "./api/client";

/** Something that is asked of the server. While it is asked for again, what came before stays. */
export interface Resource<T> {
  data: T | undefined;
  error: ApiError | undefined;
  loading: boolean;
  /** Asks again. */
  reload: () => void;
}

/**
 * Asks for something now and whenever one of `inputs` changes; an answer that comes too late is dropped. With `everyMs` it is
 * asked for again and again while the page is seen.
 */
export function useResource<T>(
  load: (signal: AbortSignal) => Promise<T>,
  inputs: readonly unknown[],
  { everyMs }: { everyMs?: number } = {},
): Resource<T> {
  const [answer, setAnswer] = useState<Omit<Resource<T>, "reload">>(LOADING);
  const [turn, setTurn] = useState(0);
  const latest = useRef(load);
  latest.current = load;
  const previous = useRef<readonly unknown[]>(inputs);

  useEffect(() => {
    const aborter = new AbortController();
    const changed = inputs.some((input, at) => !Object.is(input, previous.current[at]));
    previous.current = inputs;
    setAnswer((old) => (changed ? LOADING : { ...old, loading: true }));
    latest.current(aborter.signal).then(
      (data) => {
        if (!aborter.signal.aborted) setAnswer({ data, error: undefined, loading: false });
      },
      (error) => {
        if (!aborter.signal.aborted)
          setAnswer((old) => ({ data: old.data, error: asApiError(error), loading: false }));
      },
    );
    return () => aborter.abort();
  }, [...inputs, turn]);

  const reload = useCallback(() => setTurn((n) => n + 1), []);

  useEffect(() => {
    if (!everyMs) return;
    const timer = setInterval(() => {
      if (!document.hidden) reload();
    }, everyMs);
    return () => clearInterval(timer);
  }, [everyMs, reload]);

  return { ...answer, reload };
}

const LOADING = { data: undefined, error: undefined, loading: true };
