import { useMemo } from "preact/hooks";
import type { Counts } from "../../api/counts";
import { TimeChart } from "../../charts/TimeChart";
import { number, percent } from "../../format";
import { Card } from "../../parts/Card";
import { Notice } from "../../parts/Notice";
import { ErrorState } from "../../parts/States";
import { comparisonName } from "../../statistics/comparison";
import { chartSeries, comparedLabel, edgesOf, isEmpty, type Names } from "../../statistics/figures";
import { figure, MEASURE } from "../../statistics/measures";
import type { StatisticsQuery } from "../../statistics/query";
import { useKept } from "../../useKept";
import { Figures } from "./Figures";
import { Totals } from "./Totals";
import { type Asked, useCounts } from "./useCounts";

interface Props {
  query: StatisticsQuery;
  question: Asked;
  names: Names;
}

/** The last answer stays until the next one is here. */
export function Answer({ query, question, names }: Props) {
  const answer = useCounts(question.counts);
  // What was asked goes with the answer: the next question must not name the lines of the last one.
  const shown = useKept(
    useMemo(() => answer.data && { counts: answer.data, query, question }, [answer.data]),
  );
  if (answer.error && !answer.data) {
    return (
      <Card>
        <ErrorState title="There is no answer to this" error={answer.error} onRetry={answer.reload} />
      </Card>
    );
  }
  if (!shown) return <div class="card statistics-placeholder placeholder" aria-busy="true" />;
  return <Shown {...shown} chart={query.chart} names={names} isOld={answer.loading} />;
}

interface ShownProps extends Props {
  counts: Counts;
  chart: StatisticsQuery["chart"];
  isOld: boolean;
}

function Shown({ counts, query, question, chart, names, isOld }: ShownProps) {
  const edges = useMemo(() => edgesOf(counts), [counts]);
  const series = useMemo(() => chartSeries(counts, names), [counts, names]);
  const { measure, time_zone: zone } = counts;
  const { compare, sameWeekday } = query;
  const comparedName = counts.compare && compare ? comparisonName(compare) : undefined;
  const comparedTime =
    compare && !sameWeekday
      ? (at: number) => comparedLabel(edges, at, compare, question.days.from, zone)
      : undefined;
  return (
    <div class={isOld ? "answer is-old" : "answer"} aria-busy={isOld}>
      <Card title={MEASURE[measure].label} intro={MEASURE[measure].help}>
        {isEmpty(series) && (
          <Notice title="No frame came in this range">
            <p>Choose other days or cameras. Where no frame came, nothing is known: that is not a zero.</p>
          </Notice>
        )}
        <TimeChart
          label={`${MEASURE[measure].label} over time`}
          edges={edges}
          series={series}
          zone={zone}
          format={(value) => figure(measure, value)}
          bars={chart === "bars"}
          comparedName={comparedName}
          comparedTime={comparedTime}
        />
        <Figures counts={counts} edges={edges} series={series} comparedName={comparedName} />
      </Card>
      <Card title="Whole range">
        <Totals counts={counts} names={names} comparedName={comparedName} />
        <Notes counts={counts} />
      </Card>
    </div>
  );
}

/** What has to be known to read the figures right. */
function Notes({ counts: { notes, error } }: { counts: Counts }) {
  if (notes.length === 0 && !error) return null;
  return (
    <ul class="notes">
      {error && (
        <li>
          Up to {number(error.exact_up_to)} tracks are counted exactly. Larger numbers are estimates: two out
          of three are off by less than {percent(error.relative_standard_error)}.
        </li>
      )}
      {notes.map((note) => (
        <li key={note}>{note}</li>
      ))}
    </ul>
  );
}
