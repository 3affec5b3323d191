/** Which days a question is about. */
import { addDays, daysBetween, dayOf } from "./calendar";

export const PRESETS = ["today", "yesterday", "7d", "28d", "month"] as const;
export type Preset = (typeof PRESETS)[number];

export const PRESET_LABELS: Record<Preset, string> = {
  today: "Today",
  yesterday: "Yesterday",
  "7d": "Last 7 days",
  "28d": "Last 28 days",
  month: "This month",
};

/** Days of the venue's calendar, the last one included. */
export interface Days {
  from: string;
  to: string;
}

/** A preset, or days that somebody chose. */
export type Range = Preset | Days;

/** The days of a range at the moment `now`; "last 7 days" ends with today. */
export function daysOf(range: Range, now: number, zone: string): Days {
  if (typeof range !== "string") return range;
  const today = dayOf(now, zone);
  switch (range) {
    case "today":
      return { from: today, to: today };
    case "yesterday":
      return { from: addDays(today, -1), to: addDays(today, -1) };
    case "7d":
      return { from: addDays(today, -6), to: today };
    case "28d":
      return { from: addDays(today, -27), to: today };
    case "month":
      return { from: `${today.slice(0, 8)}01`, to: today };
  }
}

export const countDays = ({ from, to }: Days): number => daysBetween(from, to) + 1;
