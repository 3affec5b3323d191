import { useMemo, useState } from "preact/hooks";
import type { Venue } from "../../api/venues";
import { date, zoneName } from "../../format";
import { Card } from "../../parts/Card";
import { CopyButton } from "../../parts/CopyButton";
import { Notice } from "../../parts/Notice";
import { PageHead } from "../../parts/PageHead";
import { Empty, ErrorState, Skeleton } from "../../parts/States";
import type { PageProps } from "../../routes";
import { refreshVenues, useVenues } from "../../session/venues";
import { Answer } from "./Answer";
import { Export } from "./Export";
import { Filters } from "./Filters";
import { asked, type Asked, useChoices } from "./useCounts";
import { type QueryControl, useStatisticsQuery } from "./useStatisticsQuery";
import "./statistics.css";

/** Counts over time. The address holds the question. */
export default function Statistics({ address }: PageProps) {
  const control = useStatisticsQuery(address);
  const { venues, error } = useVenues();
  if (venues && venues.length > 0) return <Asking {...control} all={venues} />;
  return (
    <div class="page">
      <PageHead title="Statistics" />
      <Card>
        {error && !venues && (
          <ErrorState title="The venues could not be loaded" error={error} onRetry={refreshVenues} />
        )}
        {!error && !venues && <Skeleton lines={12} what="Loading the venues" />}
        {venues && (
          <Empty title="There is no venue yet" icon="venue">
            <p>Statistics begin with a venue, a node in it, and its first frame.</p>
            <a class="button" href="/venues">
              Venues and cameras
            </a>
          </Empty>
        )}
      </Card>
    </div>
  );
}

function Asking({ query, problems, change, all }: QueryControl & { all: Venue[] }) {
  const [isExporting, setExporting] = useState(false);
  // "Today" is the day on which the question was asked.
  const now = useMemo(() => Date.now(), [query]);
  const question = asked(query, all, now);
  const choices = useChoices(question.venues, now);
  const unknown = query.venues.filter((slug) => !all.some((venue) => venue.slug === slug));
  const unused = [...problems, ...unknown.map((slug) => `You see no venue “${slug}”; it is left out.`)];
  return (
    <div class="page">
      <PageHead
        title="Statistics"
        intro={rangeText(question)}
        actions={
          <>
            <CopyButton text={location.href} label="Copy the address" />
            <button type="button" onClick={() => setExporting(true)}>
              Export
            </button>
          </>
        }
      />
      {unused.length > 0 && (
        <Notice kind="warn" title="Not all of this address could be used">
          {unused.map((text) => (
            <p key={text}>{text}</p>
          ))}
        </Notice>
      )}
      <Filters query={query} onChange={change} venues={all} choices={choices} days={question.days} />
      <Answer query={query} question={question} names={choices.names} />
      {isExporting && <Export asked={question} onClose={() => setExporting(false)} />}
    </div>
  );
}

function rangeText({ days, zone, venues }: Asked): string {
  const at = (day: string) => date(`${day}T12:00:00Z`, "UTC");
  const range = days.from === days.to ? at(days.from) : `${at(days.from)} to ${at(days.to)}`;
  const zones = new Set(venues.map(({ time_zone }) => time_zone));
  const several = zones.size > 1 ? ", that of the first venue" : "";
  return `${range}. Times are told in ${zoneName(Date.now(), zone)}${several}.`;
}
