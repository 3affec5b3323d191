/** Times of a venue are told in its own time zone, whatever the browser's is. */
export class VenueClock {
  readonly zone: string;
  readonly #seconds: Intl.DateTimeFormat;
  readonly #minutes: Intl.DateTimeFormat;
  readonly #offset: Intl.DateTimeFormat;

  constructor(zone: string) {
    this.zone = knownZone(zone) ? zone : "UTC";
    const options = { timeZone: this.zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
    this.#minutes = new Intl.DateTimeFormat("en-GB", options);
    this.#seconds = new Intl.DateTimeFormat("en-GB", { ...options, second: "2-digit" });
    this.#offset = new Intl.DateTimeFormat("en-GB", { timeZone: this.zone, timeZoneName: "shortOffset" });
  }

  /** 14:05 */
  minute(time: number): string {
    return this.#minutes.format(time);
  }

  /** 14:05:09 */
  second(time: number): string {
    return this.#seconds.format(time);
  }

  /** Europe/Berlin (GMT+1) */
  zoneName(time: number): string {
    const offset = this.#offset.formatToParts(time).find((part) => part.type === "timeZoneName")?.value;
    return !offset || offset === this.zone ? this.zone : `${this.zone} (${offset})`;
  }
}

const UNITS: [label: string, ms: number][] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
];

/** 42 s, 5 min, 3 h, 2 d: rounded down. */
export function duration(ms: number): string {
  for (const [label, unit] of UNITS) if (ms >= unit) return `${Math.floor(ms / unit)} ${label}`;
  return `${Math.max(0, Math.floor(ms / 1000))} s`;
}

function knownZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat("en-GB", { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}
