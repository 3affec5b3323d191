import type { JournalEntry, JournalQuery } from "../../api/journal";
import { momentOf } from "../../zoned";

export type Asked = Omit<JournalQuery, "before" | "after" | "limit">;

/** What each `realtime-ws` tells the others every five seconds: left out unless somebody wants it, else one sees little else. */
export const HEARTBEATS = "live.*";

/** What can be asked for, as it is named in the address. */
export const NAMES = ["venue", "exchange", "key", "type", "image", "from", "to"] as const;

/** What the address asks for. Its times are those that the clocks of `zone` show. */
export function asked(params: URLSearchParams, zone: string | undefined): Asked {
  const given = (name: (typeof NAMES)[number]) => params.get(name)?.trim() || undefined;
  const instant = (name: "from" | "to") => {
    const moment = momentOf(given(name) ?? "", zone);
    return moment === undefined ? undefined : new Date(moment).toISOString();
  };
  const wanted = {
    venue: given("venue"),
    exchange: given("exchange"),
    key: given("key"),
    type: given("type"),
    image: given("image"),
    from: instant("from"),
    to: instant("to"),
  };
  const hides = mayHaveHeartbeats(wanted) && !params.has("heartbeats");
  return { ...wanted, except: hides ? HEARTBEATS : undefined };
}

/** Whether heartbeats could be among what is asked for: they are about no venue and no picture. */
export const mayHaveHeartbeats = ({ venue, key, type, image }: Asked): boolean =>
  !venue && !key && !type && !image;

/** Entries without a hole between them, the newest first. */
export interface Shown {
  entries: JournalEntry[];
  /** The `before` of what is older; null: there is nothing. */
  next: number | null;
}

/** With a page of older entries. */
export const withOlder = (known: Shown, { entries, next }: Shown): Shown => ({
  entries: unique([...known.entries, ...entries]),
  next,
});

/** With the page of what came since; at most so many. Where more came than one page holds, it begins anew with that page. */
export function withNewer(known: Shown, page: Shown, most: number): Shown {
  if (page.entries.length === 0) return known;
  if (page.next !== null) return page;
  const entries = unique([...page.entries, ...known.entries]);
  if (entries.length <= most) return { entries, next: known.next };
  const kept = entries.slice(0, most);
  return { entries: kept, next: kept.at(-1)?.id ?? null };
}

const unique = (entries: JournalEntry[]): JournalEntry[] => [
  ...new Map(entries.map((entry) => [entry.id, entry])).values(),
];
