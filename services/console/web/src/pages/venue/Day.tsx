import { useMemo, useState } from "preact/hooks";
import { getCounts } from "../../api/counts";
import type { Venue } from "../../api/venues";
import { TimeChart } from "../../charts/TimeChart";
import { number } from "../../format";
import { Card } from "../../parts/Card";
import { ErrorState } from "../../parts/States";
import { dayOf } from "../../statistics/calendar";
import { comparisonName, type Shift, SHIFT_LABELS, SHIFTS } from "../../statistics/comparison";
import { comparedLabel } from "../../statistics/figures";
import { statisticsAddress } from "../../statistics/query";
import { type DayCurve, dayCurves, dayQuery, SAME_WEEKDAY } from "../../statistics/today";
import { useKept } from "../../useKept";
import { useResource } from "../../useResource";

const EVERY_MS = 60_000;

/** Today, against another day. */
export function Day({ venue }: { venue: Venue }) {
  const { slug, time_zone } = venue;
  const [compare, setCompare] = useState<Shift>(SAME_WEEKDAY);
  const answer = useResource(
    async (signal) => {
      const counts = await getCounts(dayQuery([slug], time_zone, Date.now(), "15m", compare), signal);
      return { compare, curve: dayCurves(counts).get(slug) };
    },
    [slug, compare],
    { everyMs: EVERY_MS },
  );
  const shown = useKept(answer.data);
  const more = statisticsAddress({
    venues: [slug],
    classes: ["person"],
    range: "today",
    measure: "mean_per_frame",
    group: ["camera"],
    compare,
  });
  return (
    <Card
      title="Today"
      intro="People in view: the mean of each camera, summed over the cameras."
      actions={<ShiftChoice value={compare} onChange={setCompare} />}
    >
      {shown?.curve && <Curve curve={shown.curve} compare={shown.compare} zone={time_zone} />}
      {!shown && answer.error && (
        <ErrorState
          title="The day could not be loaded"
          error={answer.error}
          onRetry={answer.reload}
          level={3}
        />
      )}
      {!shown && !answer.error && <div class="day-placeholder" aria-busy="true" />}
      {shown && !shown.curve && <p class="muted">No camera has sent a frame in these days.</p>}
      <p class="venue-more">
        <a href={more}>Show this in the statistics</a>
      </p>
    </Card>
  );
}

function ShiftChoice({ value, onChange }: { value: Shift; onChange: (shift: Shift) => void }) {
  return (
    <label class="shift-choice">
      <span class="muted">against</span>
      <select value={value} onChange={(event) => onChange(event.currentTarget.value as Shift)}>
        {SHIFTS.map((shift) => (
          <option key={shift} value={shift}>
            {SHIFT_LABELS[shift].toLowerCase()}
          </option>
        ))}
      </select>
    </label>
  );
}

function Curve({ curve, compare, zone }: { curve: DayCurve; compare: Shift; zone: string }) {
  const { edges, values, compared } = curve;
  const series = useMemo(() => [{ key: "people", label: "Today", values, compared }], [curve]);
  return (
    <TimeChart
      label="People in view today"
      edges={edges}
      series={series}
      zone={zone}
      format={(value) => number(value, 1)}
      comparedName={comparisonName(compare)}
      comparedTime={(at) => comparedLabel(edges, at, compare, dayOf(edges[0] ?? 0, zone), zone)}
      height={280}
    />
  );
}
