/** Numbers and times as people read them. */

const LOCALE = "en-GB";

const INTEGER = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 });
// "en": the British short form of a million is a small m, as in metre.
const COMPACT = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
const PERCENT = new Intl.NumberFormat(LOCALE, { style: "percent", maximumFractionDigits: 1 });
const CHANGE = new Intl.NumberFormat(LOCALE, {
  style: "percent",
  maximumFractionDigits: 1,
  signDisplay: "exceptZero",
});
const RELATIVE = new Intl.RelativeTimeFormat(LOCALE, { numeric: "auto" });
const decimals = new Map<number, Intl.NumberFormat>();
const zones = new Map<string, Record<"dateTime" | "date" | "clock" | "offset", Intl.DateTimeFormat>>();

/** What stands where there is no value; never a zero. */
export const NOTHING = "–";

/** 1,234,567; with `digits` 1,234.5 */
export function number(value: number | null | undefined, digits = 0): string {
  if (value === null || value === undefined) return NOTHING;
  if (digits === 0) return INTEGER.format(value);
  let format = decimals.get(digits);
  if (!format) {
    format = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: digits });
    decimals.set(digits, format);
  }
  return format.format(value);
}

/** 1.23M */
export const compact = (value: number | null | undefined): string =>
  value === null || value === undefined ? NOTHING : COMPACT.format(value);

/** 0.123 is 12.3% */
export const percent = (share: number | null | undefined): string =>
  share === null || share === undefined ? NOTHING : PERCENT.format(share);

/** A ratio as a change: 1.12 is +12% */
export const change = (ratio: number | null | undefined): string =>
  ratio === null || ratio === undefined ? NOTHING : CHANGE.format(ratio - 1);

/** "1 user", "2 users" */
export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${number(count)} ${count === 1 ? one : many}`;

const UNITS: [unit: Intl.RelativeTimeFormatUnit, seconds: number][] = [
  ["year", 31_557_600],
  ["month", 2_629_800],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** "5 minutes ago", "in 3 days", "just now" */
export function relativeTime(time: number, now: number): string {
  const seconds = (time - now) / 1000;
  for (const [unit, size] of UNITS) {
    if (Math.abs(seconds) >= size) return RELATIVE.format(Math.trunc(seconds / size), unit);
  }
  return seconds > 5 ? "in less than a minute" : "just now";
}

/** 0.4 s, 42 s, 5 min, 3 h, 2 d */
export function seconds(value: number | null | undefined): string {
  if (value === null || value === undefined) return NOTHING;
  if (value < 10) return `${number(value, 1)} s`;
  if (value < 60) return `${number(value)} s`;
  if (value < 3_600) return `${number(Math.floor(value / 60))} min`;
  return value < 86_400
    ? `${number(Math.floor(value / 3_600))} h`
    : `${number(Math.floor(value / 86_400))} d`;
}

/** 1.2 MB */
export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let [size, at] = [value, 0];
  while (size >= 1000 && at < units.length - 1) [size, at] = [size / 1000, at + 1];
  return `${number(size, size < 100 && at > 0 ? 1 : 0)} ${units[at]}`;
}

/** 22 Nov 2026, 14:05:09 */
export const dateTime = (time: number | string, zone?: string): string =>
  formatsIn(zone).dateTime.format(new Date(time));

/** 22 Nov 2026 */
export const date = (time: number | string, zone?: string): string =>
  formatsIn(zone).date.format(new Date(time));

/** 14:05:09.123 */
export const clock = (time: number | string, zone?: string): string =>
  formatsIn(zone).clock.format(new Date(time));

/** 22 Nov 2026, 14:05:09.123 */
export const exactTime = (time: number | string, zone?: string): string =>
  `${date(time, zone)}, ${clock(time, zone)}`;

/** Europe/Berlin (GMT+1) */
export function zoneName(time: number | string, zone?: string): string {
  const { offset } = formatsIn(zone);
  const name = offset.resolvedOptions().timeZone;
  const shift = offset.formatToParts(new Date(time)).find((part) => part.type === "timeZoneName")?.value;
  return !shift || shift === name ? name : `${name} (${shift})`;
}

/** The formats of a zone; of UTC if this browser does not know it. Making one takes long, so they are kept. */
function formatsIn(zone = "") {
  let formats = zones.get(zone);
  if (!formats) {
    formats = formatsOf(zone || undefined);
    zones.set(zone, formats);
  }
  return formats;
}

function formatsOf(timeZone: string | undefined) {
  const make = (timeZone: string | undefined) => {
    const day = { day: "numeric", month: "short", year: "numeric", ...(timeZone && { timeZone }) } as const;
    const time = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" } as const;
    return {
      dateTime: new Intl.DateTimeFormat(LOCALE, { ...day, ...time }),
      date: new Intl.DateTimeFormat(LOCALE, day),
      clock: new Intl.DateTimeFormat(LOCALE, {
        ...time,
        fractionalSecondDigits: 3,
        ...(timeZone && { timeZone }),
      }),
      offset: new Intl.DateTimeFormat(LOCALE, { timeZoneName: "shortOffset", ...(timeZone && { timeZone }) }),
    };
  };
  try {
    return make(timeZone);
  } catch {
    return make("UTC");
  }
}
