import { useCallback, useRef, useState } from "preact/hooks";
import { type ApiError, asApiError } from "./api/client";

/** Something that is done when a person asks for it; while it is being done, asking again does nothing. */
export interface Action<A extends unknown[]> {
  run: (...inputs: A) => Promise<void>;
  busy: boolean;
  /** Why it did not work the last time. */
  error: ApiError | undefined;
}

export function useAction<A extends unknown[]>(act: (...inputs: A) => Promise<unknown>): Action<A> {
  const [state, setState] = useState<{ busy: boolean; error: ApiError | undefined }>(IDLE);
  const busy = useRef(false);
  const latest = useRef(act);
  latest.current = act;
  const run = useCallback(async (...inputs: A) => {
    if (busy.current) return;
    busy.current = true;
    setState({ busy: true, error: undefined });
    const error = await latest.current(...inputs).then(() => undefined, asApiError);
    busy.current = false;
    setState({ busy: false, error });
  }, []);
  return { run, ...state };
}

const IDLE = { busy: false, error: undefined };
