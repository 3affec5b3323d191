/** The moment (milliseconds since 1970) at which a day such as `2026-11-22` begins in a time zone; undefined if it is no day. */
export const startOfDay = (day: string, zone?: string): number | undefined =>
  /^\d{4}-\d{2}-\d{2}$/.test(day) ? momentOf(`${day}T00:00`, zone) : undefined;

/** The moment at which the clocks of a time zone show a time such as `2026-11-22T14:30`; undefined if it is none. */
export function momentOf(local: string, zone?: string): number | undefined {
  const asUtc = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}$/.test(local) ? Date.parse(`${local}:00Z`) : Number.NaN;
  if (Number.isNaN(asUtc)) return undefined;
  // The clock there shows another time than in UTC; near a change of the clocks the first guess may be one off.
  const guess = asUtc - offsetAt(asUtc, zone);
  return asUtc - offsetAt(guess, zone);
}

/** The day after `day`. */
export function nextDay(day: string): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10);
}

/** How far the clocks of a zone are ahead of UTC at a moment, in milliseconds. */
export function offsetAt(time: number, timeZone: string | undefined): number {
  const parts = Object.fromEntries(
    partsOf(timeZone)
      .formatToParts(time)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(time / 1000) * 1000;
}

const formats = new Map<string | undefined, Intl.DateTimeFormat>();

/** Making a format takes long, so they are kept. */
function partsOf(timeZone: string | undefined): Intl.DateTimeFormat {
  let format = formats.get(timeZone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-GB", {
      ...(timeZone && { timeZone }),
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    });
    formats.set(timeZone, format);
  }
  return format;
}
