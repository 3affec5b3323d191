import { expect, test } from "vitest";
import type { JournalEntry } from "../../api/journal";
import { asked, type Shown, withNewer, withOlder } from "./query";

const entry = (id: number): JournalEntry => ({
  id,
  at: "2026-11-23T02:00:00Z",
  exchange: "citytrack.images",
  routing_key: "images.uploaded.demo",
  type: null,
  message_id: null,
  image_id: null,
  size: 1,
  trace_id: null,
  venue: "demo",
});

test("the address says what to look for", () => {
  const params = new URLSearchParams("key=images.%23&from=2026-11-22T08:00&to=now&type=");
  expect(asked(params, "Europe/Berlin")).toEqual({
    venue: undefined,
    exchange: undefined,
    key: "images.#",
    type: undefined,
    image: undefined,
    from: "2026-11-22T07:00:00.000Z",
    to: undefined,
    except: undefined,
  });
});

test.each([
  ["", "live.*"],
  ["exchange=citytrack.detections", "live.*"],
  ["heartbeats=true", undefined],
  // Who asks for a type or a key gets it.
  ["type=citytrack.presence.v1", undefined],
  ["key=live.presence", undefined],
  ["venue=demo", undefined],
])("heartbeats are left out unless they are wanted: %s", (query, except) => {
  expect(asked(new URLSearchParams(query), "UTC").except).toBe(except);
});

const shown = (next: number | null, ...ids: number[]): Shown => ({ entries: ids.map(entry), next });
const told = ({ entries, next }: Shown) => [entries.map(({ id }) => id), next];

test("older entries follow, each once", () => {
  expect(told(withOlder(shown(4, 5, 4), shown(null, 4, 2)))).toEqual([[5, 4, 2], null]);
});

test("new entries come first, and the list does not grow without end", () => {
  const known = shown(2, 3, 2);
  expect(told(withNewer(known, shown(null, 5, 4, 3), 10))).toEqual([[5, 4, 3, 2], 2]);
  expect(told(withNewer(known, shown(null, 5, 4), 3))).toEqual([[5, 4, 3], 3]);
  // The same list, so that nothing is drawn anew.
  expect(withNewer(known, shown(null), 10)).toBe(known);
});

test("when more came than a page holds, there is no hole in the list", () => {
  expect(told(withNewer(shown(null, 3, 2), shown(8, 9, 8), 10))).toEqual([[9, 8], 8]);
});
