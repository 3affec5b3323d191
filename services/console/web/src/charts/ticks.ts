/** Where the marks of a time axis stand, by the calendar and the clock of a zone. */
import { DAY_MS, fromWall, HOUR_MS, MINUTE_MS, wallTime } from "../statistics/calendar";
import { formatsIn } from "../statistics/labels";

type Unit = "minute" | "day" | "month" | "year";

interface Step {
  unit: Unit;
  every: number;
  /** About how long it is. */
  ms: number;
}

const minutes = (every: number): Step => ({ unit: "minute", every, ms: every * MINUTE_MS });
const hours = (every: number): Step => minutes(every * 60);
const days = (every: number): Step => ({ unit: "day", every, ms: every * DAY_MS });
const months = (every: number): Step => ({ unit: "month", every, ms: every * 30.4 * DAY_MS });
const years = (every: number): Step => ({ unit: "year", every, ms: every * 365 * DAY_MS });

const STEPS: Step[] = [
  ...[1, 2, 5, 10, 15, 30].map(minutes),
  ...[1, 2, 3, 6, 12].map(hours),
  ...[1, 2, 7, 14].map(days),
  ...[1, 2, 3, 6].map(months),
  ...[1, 2, 5, 10, 50].map(years),
];
const LONGEST = years(100);
/** A Monday: weeks begin there. */
const MONDAY = Date.UTC(1970, 0, 5);

export interface Ticks {
  /** Moments, in milliseconds since 1970. */
  times: number[];
  step: Step;
}

/** At most about `most` marks between two moments, where the clocks of `zone` show round times. */
export function ticks(from: number, to: number, zone: string, most: number): Ticks {
  const step = STEPS.find(({ ms }) => (to - from) / ms <= Math.max(1, most)) ?? LONGEST;
  const times: number[] = [];
  const end = wallTime(to, zone) + HOUR_MS;
  for (let wall = floor(wallTime(from, zone) - HOUR_MS, step); wall <= end; wall = next(wall, step)) {
    const time = fromWall(wall, zone);
    // An hour that the clocks leave out has no mark.
    if (wallTime(time, zone) === wall && time >= from && time <= to) times.push(time);
  }
  return { times, step };
}

function floor(wall: number, { unit, every }: Step): number {
  const date = new Date(wall);
  switch (unit) {
    case "minute":
      return Math.floor(wall / (every * MINUTE_MS)) * every * MINUTE_MS;
    case "day":
      return MONDAY + Math.floor((wall - MONDAY) / (every * DAY_MS)) * every * DAY_MS;
    case "month":
      return Date.UTC(date.getUTCFullYear(), Math.floor(date.getUTCMonth() / every) * every);
    case "year":
      return Date.UTC(Math.floor(date.getUTCFullYear() / every) * every, 0);
  }
}

function next(wall: number, { unit, every }: Step): number {
  const date = new Date(wall);
  switch (unit) {
    case "minute":
      return wall + every * MINUTE_MS;
    case "day":
      return wall + every * DAY_MS;
    case "month":
      return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + every);
    case "year":
      return Date.UTC(date.getUTCFullYear() + every, 0);
  }
}

/** What stands at a mark; a midnight among hours says which day begins. */
export function tickLabel(time: number, { unit }: Step, zone: string): string {
  const formats = formatsIn(zone);
  if (unit === "year") return formats.year.format(time);
  if (unit === "month") return formats.month.format(time);
  if (unit === "day") return formats.day.format(time);
  const isDayStart = wallTime(time, zone) % DAY_MS === 0;
  return isDayStart ? formats.weekday.format(time) : formats.minute.format(time);
}
