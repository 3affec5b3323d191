/** The calendar and the clock of a venue: local times as numbers, and back. */
import { offsetAt, startOfDay } from "../zoned";

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

/** What the clocks of `zone` show at `time`, as if they were in UTC. */
export const wallTime = (time: number, zone: string): number => time + offsetAt(time, zone);

/** The moment at which the clocks of `zone` show `wall`. Of an hour that comes twice it is one; one that is left out moves. */
export function fromWall(wall: number, zone: string): number {
  const guess = wall - offsetAt(wall, zone);
  return wall - offsetAt(guess, zone);
}

/** The day, such as `2026-11-22`, that it is in `zone`. */
export const dayOf = (time: number, zone: string): string =>
  new Date(wallTime(time, zone)).toISOString().slice(0, 10);

export const addDays = (day: string, days: number): string =>
  new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);

/** Days from one to the other; negative if `to` comes first. */
export const daysBetween = (from: string, to: string): number =>
  Math.round((Date.parse(`${to}T00:00:00Z`) - Date.parse(`${from}T00:00:00Z`)) / DAY_MS);

/** Whether it is a day of the calendar, written `2026-11-22`. */
export function isDay(text: string): boolean {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

/** The same time of the clock, some days earlier: 10:00 stays 10:00 across a change of the clocks. */
export const daysEarlier = (time: number, days: number, zone: string): number =>
  fromWall(wallTime(time, zone) - days * DAY_MS, zone);

export const isMidnight = (time: number, zone: string): boolean =>
  startOfDay(dayOf(time, zone), zone) === time;
