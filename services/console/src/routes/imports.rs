//! `/api/v1/venues/{venue}/imports`: counts from elsewhere.

use std::time::Duration;

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse,
    http::StatusCode,
    web::{self, Payload},
};
use bytesize::ByteSize;
use citytrack_access::Right;
use citytrack_common::{Problem, openapi::ProblemSchema};
use citytrack_domain::{Class, Clock, Slug, VenueTimeZone};
use citytrack_storage::{
    Database,
    imports::{self as storage, Counted, Finding, FindingKind, Import, Outcome, SameHour},
    venues,
};
use futures_util::stream;
use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, mpsc};
use tracing::info;
use utoipa::{IntoParams, ToSchema};

use super::{invalid_query_of, venue_in};
use crate::{
    auth::Principal,
    error::problem,
    imports::{Action, Incoming, Lines, Noted, Patience, Read, Rules, Step, Unreadable, forward},
};

/// When to come again while others import.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// What imports need.
pub(crate) struct ImportDesk {
    pub(crate) database: Database,
    pub(crate) clock: Clock,
    pub(crate) largest_body: ByteSize,
    pub(crate) most_problems: usize,
    /// Each has a connection to PostgreSQL of its own.
    pub(crate) places: Semaphore,
    pub(crate) patience: Patience,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct ImportQuery {
    /// The node that the cameras belong to; it is made if there is none.
    #[param(value_type = Slug)]
    node: String,
    /// What was counted, where the file does not say so.
    #[param(value_type = Option<Class>, default = "person")]
    class: Option<String>,
    /// The time that each count is of: `15m`, `30m`, `1h` or `1d`.
    #[param(default = "1h", pattern = "^(15m|30m|1h|1d)$")]
    step: Option<String>,
    /// Several counts of one hour and camera: `refuse` all but the first, or `add` them.
    #[param(default = "refuse", pattern = "^(add|refuse)$")]
    same_hour: Option<String>,
    /// Columns that are left out, between commas.
    ignore: Option<String>,
    /// The name of the file, to be kept with the import.
    #[param(min_length = 1, max_length = 200, pattern = r"^[^\u0000-\u001f\u007f-\u009f]*$")]
    file: Option<String>,
}

/// What became of a file. `counts` = `stored` + `unchanged` + `added` + `refused`.
#[derive(Serialize, ToSchema)]
#[schema(as = ImportReport)]
pub(super) struct Report {
    #[schema(value_type = Slug)]
    node: String,
    /// Lines, without the first.
    rows: u64,
    /// Cells with counts.
    counts: u64,
    /// Counts that are new.
    stored: u64,
    /// Counts that an earlier import had brought already.
    unchanged: u64,
    /// Cells that were added to another one of the same hour.
    added: u64,
    /// Cells that were not taken.
    refused: u64,
    /// What the counts that are stored or unchanged sum up to.
    sum: i64,
    /// What those that were not taken sum up to, as far as they are numbers.
    refused_sum: i64,
    /// The first of them, by line.
    problems: Vec<Noted>,
    /// How many there are in all.
    problems_total: u64,
}

/// Import counts
///
/// The body is streamed, and stored as a whole or, where there is an error, not at all. Importing a file again changes nothing.
#[utoipa::path(
    post, path = "/api/v1/venues/{venue}/imports", operation_id = "import_counts", tag = "venues",
    params(("venue" = Slug, Path), ImportQuery),
    request_body(content = String, content_type = "text/csv"),
    responses(
        (status = 200, body = Report),
        (status = 409, description = "The venue or the node is retired.", content((ProblemSchema = "application/problem+json"))),
    ),
)]
pub(super) async fn create(
    principal: Principal,
    path: web::Path<String>,
    request: HttpRequest,
    query: web::Query<ImportQuery>,
    desk: web::Data<ImportDesk>,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let slug = venue_in(&path)?;
    principal.may(Right::Import, &slug)?;
    require_csv(&request)?;
    let venue = venues::get(&desk.database, &slug).await.map_err(problem)?;
    let zone = VenueTimeZone::new(&venue.time_zone).map_err(|_| Problem::internal())?;
    let node: Slug = parsed("node", &query.node)?;
    let rules = rules(&query, &desk, zone.zone().clone())?;
    let (same_hour, now) = (rules.same_hour, rules.now);

    let _place = desk.places.try_acquire().map_err(|_| busy())?;
    let change = desk.database.long_change(&principal.actor()).await.map_err(problem)?;
    let (sender, incoming) = Incoming::new();
    let (cells, mut copied) = mpsc::channel(4);
    let read = web::block(move || Lines::open(incoming, rules)?.read(|some| cells.blocking_send(some).is_ok()));
    let cells = stream::poll_fn(move |context| copied.poll_recv(context));
    let (forwarded, copied, read) = tokio::join!(
        forward(payload, sender, desk.largest_body, desk.patience),
        storage::copy(&change, cells),
        read
    );
    copied.map_err(problem)?;
    forwarded?;
    let read = read.map_err(|_| Problem::internal())?.map_err(unreadable)?;

    let import = Import {
        venue: &slug,
        node: &node,
        file: query.file.as_deref(),
        counted: &read.counted,
        same_hour,
        rows: read.rows,
        refused: read.refused,
        most_findings: desk.most_problems,
        now,
    };
    let outcome = storage::store(&change, &import).await.map_err(problem)?;
    if outcome.stored > 0 {
        // The body may have taken long: whoever lost the right meanwhile changes nothing any more.
        Principal::of(&request).await?.may(Right::Import, &slug)?;
        change.commit().await.map_err(problem)?;
        let (stored, sum) = (outcome.stored, outcome.sum);
        info!(
            venue = slug.as_str(),
            node = node.as_str(),
            stored,
            sum,
            "counts imported"
        );
    }
    let report = report(&node, read, &outcome, zone.zone(), (same_hour, desk.most_problems));
    Ok(HttpResponse::Ok().json(report))
}

fn busy() -> Problem {
    Problem::unavailable("other files are being imported; try again later", RETRY_AFTER)
}

fn require_csv(request: &HttpRequest) -> Result<(), Problem> {
    if request.content_type().eq_ignore_ascii_case("text/csv") {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported-media-type",
        "Unsupported media type",
        "send CSV, with `Content-Type: text/csv`",
    ))
}

fn rules(query: &ImportQuery, desk: &ImportDesk, zone: TimeZone) -> Result<Rules, Problem> {
    let same_hour = match query.same_hour.as_deref() {
        None | Some("refuse") => SameHour::Refuse,
        Some("add") => SameHour::Add,
        Some(_) => return Err(invalid_query_of("same_hour", "must be add or refuse")),
    };
    if query
        .file
        .as_ref()
        .is_some_and(|file| !(1..=200).contains(&file.chars().count()) || file.contains(char::is_control))
    {
        return Err(invalid_query_of(
            "file",
            "must be 1 to 200 characters, none of them a control character",
        ));
    }
    let ignore = query.ignore.as_deref().unwrap_or_default().split(',').map(str::trim);
    Ok(Rules {
        zone,
        class: parsed::<Class>("class", query.class.as_deref().unwrap_or("person"))?,
        step: parsed::<Step>("step", query.step.as_deref().unwrap_or("1h"))?,
        same_hour,
        ignore: ignore.filter(|name| !name.is_empty()).map(str::to_owned).collect(),
        now: desk.clock.now(),
        most_problems: desk.most_problems,
    })
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(name: &str, text: &str) -> Result<T, Problem> {
    text.parse()
        .map_err(|error: T::Err| invalid_query_of(name, &error.to_string()))
}

fn unreadable(Unreadable(detail): Unreadable) -> Problem {
    Problem::bad_request("invalid-csv", "Not a file of counts", detail)
}

fn report(node: &Slug, read: Read, outcome: &Outcome, zone: &TimeZone, (same_hour, most): (SameHour, usize)) -> Report {
    let found = outcome
        .findings
        .iter()
        .map(|finding| noted(finding, &read.counted, zone, same_hour));
    let mut problems: Vec<_> = read.problems.kept.into_iter().chain(found).collect();
    problems.sort_by_key(|problem| problem.line);
    problems.truncate(most);
    let refused = read.refused + outcome.refused;
    Report {
        node: node.to_string(),
        rows: read.rows,
        counts: outcome.stored + outcome.unchanged + outcome.added + refused,
        stored: outcome.stored,
        unchanged: outcome.unchanged,
        added: outcome.added,
        refused,
        sum: outcome.sum,
        refused_sum: read.refused_sum + outcome.refused_sum,
        problems,
        problems_total: read.problems.total + outcome.findings_total,
    }
}

/// What PostgreSQL found, in the words of the report.
fn noted(finding: &Finding, counted: &[Counted], zone: &TimeZone, same_hour: SameHour) -> Noted {
    let shown = |time: Timestamp| time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string();
    let (time, count) = (shown(finding.start), finding.detections);
    let (what, action) = match finding.kind {
        FindingKind::Repeats { line } if same_hour == SameHour::Add => (
            format!("line {line} has a count of {time}, too; this one, {count}, is added to it"),
            Action::Added,
        ),
        FindingKind::Repeats { line } => (
            format!("line {line} has a count of {time} already; this one is {count}"),
            Action::Refused,
        ),
        FindingKind::Differs { held } => (
            format!("an earlier import says {held} for {time}, this file {count}"),
            Action::Refused,
        ),
        FindingKind::Overlaps { held, start, minutes } => (
            format!(
                "an earlier import says {held} for {minutes} minutes from {} on, which overlaps with {time}; this file says {count}",
                shown(start)
            ),
            Action::Refused,
        ),
    };
    let counted = counted.get(finding.counted);
    Noted {
        line: finding.line.cast_unsigned(),
        column: counted.map(|counted| counted.title.clone().unwrap_or_else(|| counted.camera.to_string())),
        what,
        action,
    }
}
