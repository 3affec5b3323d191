import { useMemo } from "preact/hooks";
import type { VenueOccupancy } from "../../api/occupancy";
import type { Venue } from "../../api/venues";
import { TimeChart } from "../../charts/TimeChart";
import { number } from "../../format";
import { Card } from "../../parts/Card";
import { dayOf } from "../../statistics/calendar";
import { comparedLabel } from "../../statistics/figures";
import { type DayCurve, SAME_WEEKDAY } from "../../statistics/today";
import { cameraText, comparison, People } from "./VenueTile";

interface Props {
  venue: Venue;
  now: VenueOccupancy | undefined;
  curve: DayCurve | undefined;
  loading: boolean;
}

/** The only venue: there is room for its day. */
export function SingleVenue({ venue, now, curve, loading }: Props) {
  const href = `/venues/${encodeURIComponent(venue.slug)}`;
  return (
    <Card
      title={<a href={href}>{venue.name}</a>}
      intro={
        <>
          <People now={now} loading={loading} /> now. {cameraText(now) ?? (curve && comparison(curve))}
        </>
      }
      actions={
        <a class="button quiet" href={href}>
          Cameras and heatmap
        </a>
      }
    >
      {curve ? (
        <DayChart curve={curve} zone={venue.time_zone} />
      ) : (
        <div class="day-chart-placeholder" aria-busy={loading} />
      )}
    </Card>
  );
}

function DayChart({ curve, zone }: { curve: DayCurve; zone: string }) {
  const { edges, values, compared } = curve;
  const series = useMemo(() => [{ key: "people", label: "Today", values, compared }], [curve]);
  return (
    <TimeChart
      label="People in view today"
      edges={edges}
      series={series}
      zone={zone}
      format={(value) => number(value, 1)}
      comparedName="the same weekday of last week"
      comparedTime={(at) => comparedLabel(edges, at, SAME_WEEKDAY, dayOf(edges[0] ?? 0, zone), zone)}
      height={260}
    />
  );
}
