/** What a range is compared with. */
import { addDays, daysBetween, isDay } from "./calendar";

export const SHIFTS = ["1d", "7d", "52w"] as const;
export type Shift = (typeof SHIFTS)[number];
/** A shift, or the day on which the range begins that is compared with. */
export type Comparison = Shift | string;

export const SHIFT_LABELS: Record<Shift, string> = {
  "1d": "The day before",
  "7d": "A week before",
  "52w": "52 weeks before",
};

const SHIFT_DAYS: Record<Shift, number> = { "1d": 1, "7d": 7, "52w": 364 };

export const isShift = (text: string): text is Shift => (SHIFTS as readonly string[]).includes(text);

export const isComparison = (text: string): boolean => isShift(text) || isDay(text);

/** How many days earlier the other range begins; negative: later. */
export function shiftDays(comparison: Comparison, from: string): number {
  return isShift(comparison) ? SHIFT_DAYS[comparison] : daysBetween(comparison, from);
}

/** The day on which the other range begins. */
export const comparedFrom = (comparison: Comparison, from: string): string =>
  addDays(from, -shiftDays(comparison, from));

/** For people, in the middle of a sentence: "a week before", "from 2026-11-01 on". */
export const comparisonName = (comparison: Comparison): string =>
  isShift(comparison) ? SHIFT_LABELS[comparison].toLowerCase() : `from ${comparison} on`;
