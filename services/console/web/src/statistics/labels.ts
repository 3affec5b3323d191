/** How times are written beneath a chart and in its table, in the venue's zone. */
import { DAY_MS, dayOf, daysBetween, HOUR_MS, isMidnight, wallTime } from "./calendar";
import { offsetAt } from "../zoned";

const LOCALE = "en-GB";

interface Formats {
  minute: Intl.DateTimeFormat;
  day: Intl.DateTimeFormat;
  weekday: Intl.DateTimeFormat;
  full: Intl.DateTimeFormat;
  month: Intl.DateTimeFormat;
  year: Intl.DateTimeFormat;
  offset: Intl.DateTimeFormat;
}

const kept = new Map<string, Formats>();

/** Making a format takes long, so they are kept. */
export function formatsIn(timeZone: string): Formats {
  let formats = kept.get(timeZone);
  if (!formats) {
    const make = (options: Intl.DateTimeFormatOptions) =>
      new Intl.DateTimeFormat(LOCALE, { timeZone, ...options });
    formats = {
      minute: make({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" }),
      day: make({ day: "numeric", month: "short" }),
      weekday: make({ weekday: "short", day: "numeric", month: "short" }),
      full: make({ weekday: "short", day: "numeric", month: "short", year: "numeric" }),
      month: make({ month: "short", year: "numeric" }),
      year: make({ year: "numeric" }),
      offset: make({ timeZoneName: "shortOffset" }),
    };
    kept.set(timeZone, formats);
  }
  return formats;
}

/** A bucket for people: "Sun 22 Nov 2026, 14:00–15:00", "Sun 22 Nov 2026", "Mon 16 Nov – Sun 22 Nov 2026", "Nov 2026". */
export function bucketLabel(start: number, end: number, zone: string): string {
  const formats = formatsIn(zone);
  if (end - start < 20 * HOUR_MS || !isMidnight(start, zone) || !isMidnight(end, zone)) {
    const twice = comesTwice(start, zone) ? ` ${offsetName(start, zone)}` : "";
    return `${formats.full.format(start)}, ${formats.minute.format(start)}–${formats.minute.format(end)}${twice}`;
  }
  const last = end - DAY_MS / 2;
  const days = daysBetween(dayOf(start, zone), dayOf(end, zone));
  if (days === 1) return formats.full.format(start);
  const isMonth = days > 27 && dayOf(start, zone).endsWith("-01") && dayOf(end, zone).endsWith("-01");
  if (isMonth && days < 32) return formats.month.format(start);
  return `${formats.weekday.format(start)} – ${formats.full.format(last)}`;
}

/** Whether the clocks show this time of the day once more, an hour before or after. */
function comesTwice(time: number, zone: string): boolean {
  const wall = wallTime(time, zone);
  return [-HOUR_MS, HOUR_MS].some((way) => wallTime(time + way, zone) === wall);
}

/** GMT+2 */
function offsetName(time: number, zone: string): string {
  const parts = formatsIn(zone).offset.formatToParts(time);
  const name = parts.find((part) => part.type === "timeZoneName")?.value;
  return name ?? `${offsetAt(time, zone) / HOUR_MS} h`;
}
