//! Comparing the cells of a file with each other and with what earlier imports brought.

use jiff::Timestamp;
use tokio_postgres::Row;

use super::{Finding, FindingKind, Outcome, SameHour};
use crate::{Client, Error};

/// What is found, step by step.
pub(super) struct Tally<'a> {
    client: &'a Client,
    most_findings: i64,
    outcome: Outcome,
}

impl<'a> Tally<'a> {
    pub(super) fn new(client: &'a Client, most_findings: usize) -> Self {
        Self {
            client,
            most_findings: i64::try_from(most_findings).unwrap_or(i64::MAX),
            outcome: Outcome::default(),
        }
    }

    /// Makes `import_hour` of the cells: one count of each camera, class and hour, with how many cells it is of.
    pub(super) async fn hours(&mut self, same_hour: SameHour) -> Result<(), Error> {
        let make = "create temporary table import_hour on commit drop as
                        select series, start, max(minutes) as minutes, sum(detections)::bigint as detections,
                               count(*) as cells, min(line) as line
                        from import_cell group by series, start;
                    analyze import_hour";
        self.client.batch_execute(make).await?;
        let repeats = self
            .client
            .query_one(
                "select coalesce(sum(cells - 1), 0)::bigint from import_hour where cells > 1",
                &[],
            )
            .await?;
        let repeats: u64 = number(&repeats, 0)?;
        if repeats == 0 {
            return Ok(());
        }
        let question = "select cell.line, cell.series, cell.start, cell.detections, hour.line as other
             from import_hour as hour join import_cell as cell using (series, start)
             where hour.cells > 1 and cell.line > hour.line order by cell.line, cell.series limit $1";
        let found = self.client.query(question, &[&self.most_findings]).await?;
        self.note(&found, |row| {
            Ok(FindingKind::Repeats {
                line: row.try_get("other")?,
            })
        })?;
        self.outcome.findings_total += repeats;
        match same_hour {
            SameHour::Add => Ok(()),
            SameHour::Refuse => self.take_the_first(repeats).await,
        }
    }

    async fn take_the_first(&mut self, repeats: u64) -> Result<(), Error> {
        let update = "with first as (
                update import_hour as hour set detections = cell.detections, cells = 1
                from import_cell as cell
                where hour.cells > 1 and cell.series = hour.series and cell.start = hour.start and cell.line = hour.line
                returning cell.detections, cell.series, cell.start)
            select coalesce(sum(cell.detections), 0)::bigint - (select coalesce(sum(detections), 0)::bigint from first)
            from import_cell as cell join first using (series, start)";
        let sum: i64 = self.client.query_one(update, &[]).await?.try_get(0)?;
        self.outcome.refused += repeats;
        self.outcome.refused_sum += sum;
        Ok(())
    }

    /// Takes out of `import_hour` what earlier imports brought already, and what cannot be stored beside it.
    pub(super) async fn known(&mut self) -> Result<(), Error> {
        let question = "select max(minutes) from imported_count join import_series using (camera_id, class_id)";
        let longest: Option<i32> = self.client.query_one(question, &[]).await?.try_get(0)?;
        let Some(longest) = longest else {
            return Ok(());
        };
        let same = "with gone as (
                delete from import_hour as hour using import_series, imported_count as known
                where import_series.series = hour.series and known.camera_id = import_series.camera_id
                  and known.class_id = import_series.class_id and known.start = hour.start
                  and known.minutes = hour.minutes and known.detections = hour.detections
                returning hour.cells, hour.detections)
            select count(*), coalesce(sum(cells), 0)::bigint, coalesce(sum(detections), 0)::bigint from gone";
        let row = self.client.query_one(same, &[]).await?;
        self.outcome.unchanged = number(&row, 0)?;
        self.outcome.added += number(&row, 1)? - self.outcome.unchanged;
        self.outcome.sum += row.try_get::<_, i64>(2)?;
        self.clashes(longest).await
    }

    /// Takes out what overlaps with a count of an earlier import, none of which is longer than `longest` minutes.
    async fn clashes(&mut self, longest: i32) -> Result<(), Error> {
        // One look into the index for each hour. As a join, PostgreSQL would compare each with all of its camera.
        let find = format!(
            "create temporary table import_clash on commit drop as
                 select hour.*, known.start as other_start, known.minutes as other_minutes, known.detections as held
                 from import_hour as hour join import_series using (series) cross join lateral (
                     select start, minutes, detections from imported_count as known
                     where known.camera_id = import_series.camera_id and known.class_id = import_series.class_id
                       and known.start > hour.start - {longest} * interval '1 minute'
                       and known.start < hour.start + hour.minutes * interval '1 minute'
                       and known.start + known.minutes * interval '1 minute' > hour.start
                     order by known.start limit 1) as known"
        );
        self.client.batch_execute(&find).await?;
        let question = "select * from import_clash order by line, series limit $1";
        let found = self.client.query(question, &[&self.most_findings]).await?;
        self.note(&found, |row| {
            let held = row.try_get("held")?;
            let (start, minutes): (Timestamp, i32) = (row.try_get("other_start")?, row.try_get("other_minutes")?);
            let same_time = (row.try_get("start")?, row.try_get("minutes")?);
            if (start, minutes) == same_time {
                return Ok(FindingKind::Differs { held });
            }
            Ok(FindingKind::Overlaps { held, start, minutes })
        })?;
        let refuse = "with gone as (
                delete from import_hour as hour using import_clash as clash
                where clash.series = hour.series and clash.start = hour.start returning hour.cells, hour.detections)
            select count(*), coalesce(sum(cells), 0)::bigint, coalesce(sum(detections), 0)::bigint from gone";
        let row = self.client.query_one(refuse, &[]).await?;
        self.outcome.findings_total += number(&row, 0)?;
        self.outcome.refused += number(&row, 1)?;
        self.outcome.refused_sum += row.try_get::<_, i64>(2)?;
        Ok(())
    }

    /// What is left in `import_hour` is new.
    pub(super) async fn rest(mut self) -> Result<Outcome, Error> {
        let question = "select count(*), coalesce(sum(cells), 0)::bigint, coalesce(sum(detections), 0)::bigint
                        from import_hour";
        let row = self.client.query_one(question, &[]).await?;
        self.outcome.stored = number(&row, 0)?;
        self.outcome.added += number(&row, 1)? - self.outcome.stored;
        self.outcome.sum += row.try_get::<_, i64>(2)?;
        self.outcome
            .findings
            .sort_by_key(|finding| (finding.line, finding.counted));
        Ok(self.outcome)
    }

    fn note(&mut self, rows: &[Row], kind: impl Fn(&Row) -> Result<FindingKind, Error>) -> Result<(), Error> {
        for row in rows {
            self.outcome.findings.push(Finding {
                line: row.try_get("line")?,
                counted: usize::try_from(row.try_get::<_, i32>("series")?).unwrap_or(usize::MAX),
                start: row.try_get::<_, Timestamp>("start")?,
                detections: row.try_get("detections")?,
                kind: kind(row)?,
            });
        }
        Ok(())
    }
}

/// A count of rows.
fn number(row: &Row, column: usize) -> Result<u64, Error> {
    Ok(row.try_get::<_, i64>(column)?.cast_unsigned())
}
