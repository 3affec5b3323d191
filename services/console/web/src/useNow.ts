import { useEffect, useState } from "preact/hooks";

/** The time, drawn anew every `everyMs`; for ages and countdowns. */
export function useNow(everyMs: number): number {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((n) => n + 1), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  // Read at every drawing, so that frames that arrived since the last tick are not in the future.
  return Date.now();
}
