/** What the statistics page asks, and how its address says that. */
import { isDay } from "./calendar";
import { type Bucket, BUCKETS } from "./buckets";
import { type Comparison, isComparison } from "./comparison";
import { type Measure, MEASURES } from "./measures";
import { type Preset, PRESETS, type Range } from "./ranges";

export const GROUPS = ["venue", "camera", "class"] as const;
export type Group = (typeof GROUPS)[number];

export const CHARTS = ["lines", "bars"] as const;
export type ChartKind = (typeof CHARTS)[number];

export interface StatisticsQuery {
  /** Slugs; empty: all that the user may see. */
  venues: string[];
  /** Such as `north/entrance`; empty: all. */
  cameras: string[];
  /** Empty: all. */
  classes: string[];
  range: Range;
  /** Undefined: what suits the range. */
  bucket: Bucket | undefined;
  measure: Measure;
  group: Group[];
  compare: Comparison | undefined;
  /** Compare with days of the same weekday; only where a day was chosen to compare with. */
  sameWeekday: boolean;
  chart: ChartKind;
}

export const USUAL: StatisticsQuery = {
  venues: [],
  cameras: [],
  classes: [],
  range: "7d",
  bucket: undefined,
  measure: "detections",
  group: [],
  compare: undefined,
  sameWeekday: false,
  chart: "lines",
};

/** A part of the address that says nothing, and what was taken instead. */
export type Problem = string;

const NAMES = [
  "venue",
  "camera",
  "class",
  "range",
  "from",
  "to",
  "bucket",
  "measure",
  "group",
  "compare",
  "align",
  "chart",
];

const SLUG = /^[a-z0-9][a-z0-9-]{0,63}$/;
const CAMERA = /^[A-Za-z0-9_.-]{1,64}(\/[A-Za-z0-9_.-]{1,64})?$/;
const CLASS = /^[a-z0-9_.-]{1,64}$/;

/** Reads the address; what is unknown or wrong is named and left at its default. */
export function read(params: URLSearchParams): { query: StatisticsQuery; problems: Problem[] } {
  const problems: Problem[] = [];
  for (const name of new Set(params.keys())) {
    if (!NAMES.includes(name)) problems.push(`There is no “${name}” here; it is ignored.`);
  }
  const many = <T extends string>(name: string, fits: (text: string) => boolean): T[] => {
    const given = (params.get(name) ?? "").split(",").filter(Boolean);
    for (const text of given) {
      if (!fits(text)) problems.push(`“${text}” is no ${name}; it is left out.`);
    }
    return [...new Set(given.filter(fits))] as T[];
  };
  const one = <T extends string>(name: string, fits: (text: string) => boolean): T | undefined => {
    const text = params.get(name);
    if (text === null || text === "") return undefined;
    if (fits(text)) return text as T;
    problems.push(`“${text}” is no ${name}; the usual is taken.`);
    return undefined;
  };
  const among = (choices: readonly string[]) => (text: string) => choices.includes(text);
  const compare = one<Comparison>("compare", isComparison);
  const query: StatisticsQuery = {
    venues: many("venue", (text) => SLUG.test(text)),
    cameras: many("camera", (text) => CAMERA.test(text)),
    classes: many("class", (text) => CLASS.test(text)),
    range: readDays(params, problems) ?? one<Preset>("range", among(PRESETS)) ?? USUAL.range,
    bucket: one<Bucket>("bucket", among(BUCKETS)),
    measure: one<Measure>("measure", among(MEASURES)) ?? USUAL.measure,
    group: many<Group>("group", among(GROUPS)),
    compare,
    sameWeekday: one("align", among(["weekday"])) !== undefined,
    chart: one<ChartKind>("chart", among(CHARTS)) ?? USUAL.chart,
  };
  return { query, problems };
}

/** Days that somebody chose; undefined: none, or none that can be used. */
function readDays(params: URLSearchParams, problems: Problem[]): Range | undefined {
  const [from, to] = [params.get("from"), params.get("to")];
  if (from === null && to === null) return undefined;
  if (from && to && isDay(from) && isDay(to)) {
    if (from <= to) return { from, to };
    problems.push(`The range ends (${to}) before it begins (${from}); the usual range is taken.`);
    return undefined;
  }
  const wrong = [
    ["from", from],
    ["to", to],
  ].filter(([, day]) => !day || !isDay(day));
  for (const [name, day] of wrong) {
    problems.push(
      day
        ? `“${day}” is no day for “${name}”, which is written like 2026-11-22; the usual range is taken.`
        : `“from” and “to” belong together; “${name}” is missing, so the usual range is taken.`,
    );
  }
  return undefined;
}

/** The query of an address that says all of it: short, and without what is usual. */
export function write(query: StatisticsQuery): string {
  const { range } = query;
  const said: [string, string | undefined][] = [
    ["venue", query.venues.join(",")],
    ["camera", query.cameras.join(",")],
    ["class", query.classes.join(",")],
    ...(typeof range === "string"
      ? [["range", range === USUAL.range ? undefined : range] as [string, string | undefined]]
      : ([
          ["from", range.from],
          ["to", range.to],
        ] as [string, string][])),
    ["measure", query.measure === USUAL.measure ? undefined : query.measure],
    ["bucket", query.bucket],
    ["group", query.group.join(",")],
    ["compare", query.compare],
    ["align", query.sameWeekday && query.compare ? "weekday" : undefined],
    ["chart", query.chart === USUAL.chart ? undefined : query.chart],
  ];
  // Commas and slashes may stand in a query as they are, and are easier to read so.
  return said
    .filter(([, value]) => value)
    .map(
      ([name, value]) =>
        `${name}=${encodeURIComponent(value ?? "")
          .replaceAll("%2C", ",")
          .replaceAll("%2F", "/")}`,
    )
    .join("&");
}

/** The address of the statistics page with this question; what is not said is usual. */
export function statisticsAddress(query: Partial<StatisticsQuery>): string {
  const text = write({ ...USUAL, ...query });
  return text ? `/statistics?${text}` : "/statistics";
}
