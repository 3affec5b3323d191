import type { Venue } from "../../api/venues";
import { SelectField } from "../../parts/Form";
import { MultiChoice } from "../../parts/MultiChoice";
import { type Bucket, BUCKET_LABELS, offeredBuckets, usualBucket } from "../../statistics/buckets";
import { comparedFrom, isShift, SHIFT_LABELS, SHIFTS } from "../../statistics/comparison";
import { MEASURE, type Measure, MEASURES } from "../../statistics/measures";
import { type ChartKind, type Group, GROUPS, type StatisticsQuery } from "../../statistics/query";
import { countDays, type Days, type Preset, PRESET_LABELS, PRESETS } from "../../statistics/ranges";
import type { Choices } from "./useCounts";

interface Props {
  query: StatisticsQuery;
  onChange: (change: Partial<StatisticsQuery>) => void;
  venues: Venue[];
  choices: Choices;
  /** The days of the range. */
  days: Days;
}

type Option = [value: string, label: string];

/** What to show; every change goes into the address at once. */
export function Filters({ query, onChange, venues, choices, days }: Props) {
  return (
    <form
      class="card filters statistics-filters"
      role="search"
      aria-label="Statistics"
      onSubmit={(event) => event.preventDefault()}
    >
      <MultiChoice
        label="Venues"
        all="All venues"
        one="venue"
        options={venues.map(({ slug, name }) => [slug, name])}
        chosen={query.venues}
        onChange={(venues) => onChange({ venues, cameras: [] })}
      />
      <MultiChoice
        label="Cameras"
        all="All cameras"
        one="camera"
        options={choices.cameras}
        chosen={query.cameras}
        onChange={(cameras) => onChange({ cameras })}
      />
      <MultiChoice
        label="Classes"
        all="All classes"
        one="class"
        many="classes"
        options={choices.classes}
        chosen={query.classes}
        onChange={(classes) => onChange({ classes })}
      />
      <RangeFields range={query.range} days={days} onChange={onChange} />
      <CompareFields query={query} days={days} onChange={onChange} />
      <SelectField
        name="measure"
        label="Measure"
        value={query.measure}
        onChange={(measure) => onChange({ measure: measure as Measure })}
        options={MEASURES.map((measure) => [measure, MEASURE[measure].label])}
      />
      <MultiChoice
        label="A line for each"
        all="All together"
        one="grouping"
        options={GROUPS.map((group) => [group, GROUP_LABELS[group]])}
        chosen={query.group}
        onChange={(group) => onChange({ group: group as Group[] })}
      />
      <BucketField wanted={query.bucket} days={countDays(days)} onChange={onChange} />
      <SelectField
        name="chart"
        label="Chart"
        value={query.chart}
        onChange={(chart) => onChange({ chart: chart as ChartKind })}
        options={[
          ["lines", "Lines"],
          ["bars", "Bars"],
        ]}
      />
    </form>
  );
}

const GROUP_LABELS: Record<Group, string> = { venue: "Venue", camera: "Camera", class: "Class" };
const OWN = "own";

type ChangeProps = Pick<Props, "onChange" | "days">;

function BucketField({
  wanted,
  days,
  onChange,
}: {
  wanted: Bucket | undefined;
  days: number;
  onChange: Props["onChange"];
}) {
  const offered = offeredBuckets(days);
  return (
    <SelectField
      name="bucket"
      label="A value for each"
      value={wanted && offered.includes(wanted) ? wanted : ""}
      onChange={(bucket) => onChange({ bucket: (bucket || undefined) as Bucket | undefined })}
      options={[
        ["", `${BUCKET_LABELS[usualBucket(days)]} (usual)`],
        ...offered.map((bucket): Option => [bucket, BUCKET_LABELS[bucket]]),
      ]}
    />
  );
}

function RangeFields({ range, days, onChange }: ChangeProps & { range: StatisticsQuery["range"] }) {
  const choose = (value: string) => onChange({ range: value === OWN ? days : (value as Preset) });
  const setDay = (name: keyof Days) => (day: string) => {
    const next = { ...days, [name]: day };
    // A range that would end before it begins becomes the one day that was chosen.
    onChange({ range: next.from <= next.to ? next : { from: day, to: day } });
  };
  return (
    <>
      <SelectField
        name="range"
        label="Range"
        value={typeof range === "string" ? range : OWN}
        onChange={choose}
        options={[...PRESETS.map((preset): Option => [preset, PRESET_LABELS[preset]]), [OWN, "Own dates"]]}
      />
      {typeof range !== "string" && (
        <>
          <DayField label="From" value={days.from} onChange={setDay("from")} />
          <DayField label="Up to and with" value={days.to} onChange={setDay("to")} />
        </>
      )}
    </>
  );
}

function CompareFields({ query, days, onChange }: ChangeProps & { query: StatisticsQuery }) {
  const { compare, sameWeekday } = query;
  const isOwn = compare !== undefined && !isShift(compare);
  const choose = (value: string) => {
    const own = () => comparedFrom("7d", days.from);
    onChange({ compare: value === OWN ? own() : value || undefined, sameWeekday: false });
  };
  return (
    <>
      <SelectField
        name="compare"
        label="Compared with"
        value={isOwn ? OWN : (compare ?? "")}
        onChange={choose}
        options={[
          ["", "Nothing"],
          ...SHIFTS.map((shift): Option => [shift, SHIFT_LABELS[shift]]),
          [OWN, "Own date"],
        ]}
      />
      {isOwn && (
        <div class="own-comparison">
          <DayField label="Beginning on" value={compare} onChange={(compare) => onChange({ compare })} />
          <label class="check">
            <input
              type="checkbox"
              checked={sameWeekday}
              onChange={(event) => onChange({ sameWeekday: event.currentTarget.checked })}
            />
            <span>Same weekdays</span>
          </label>
        </div>
      )}
    </>
  );
}

/** A day; while it is only half typed nothing changes. */
function DayField({
  label,
  value,
  onChange,
}: {
  label: string;
  value: string;
  onChange: (day: string) => void;
}) {
  return (
    <label class="field">
      <span class="legend-text">{label}</span>
      <input
        type="date"
        value={value}
        min="1970-01-02"
        max="2199-12-30"
        onChange={(event) =>
          event.currentTarget.validity.valid &&
          event.currentTarget.value &&
          onChange(event.currentTarget.value)
        }
      />
    </label>
  );
}
