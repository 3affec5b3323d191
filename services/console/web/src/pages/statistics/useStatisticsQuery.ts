import { useMemo, useRef } from "preact/hooks";
import { go } from "../../router";
import { type Problem, read, type StatisticsQuery, write } from "../../statistics/query";

/** Changes that follow each other faster than this are one step back. */
const ONE_STEP_MS = 1_500;

export interface QueryControl {
  query: StatisticsQuery;
  /** What of the address could not be used. */
  problems: Problem[];
  change: (change: Partial<StatisticsQuery>) => void;
}

/** The question, which lives in the address: it can be shared, and back and forward go from question to question. */
export function useStatisticsQuery(address: URL): QueryControl {
  const { query, problems } = useMemo(() => read(address.searchParams), [address.search]);
  const latest = useRef(query);
  latest.current = query;
  const changedAt = useRef(0);
  const change = (change: Partial<StatisticsQuery>) => {
    const text = write({ ...latest.current, ...change });
    const now = Date.now();
    const replace = now - changedAt.current < ONE_STEP_MS;
    changedAt.current = now;
    go(text ? `/statistics?${text}` : "/statistics", { replace });
  };
  return { query, problems, change };
}
