//! `/api/v1/journal`: which messages went through the broker.

use actix_web::{HttpResponse, web};
use citytrack_access::Right;
use citytrack_common::Problem;
use citytrack_domain::Slug;
use citytrack_storage::{
    Database,
    journal::{self, Entry, Query},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{invalid_query_of, venues_shown};
use crate::{auth::Principal, error::problem};

const USUAL_LIMIT: u16 = 100;
const HIGHEST_LIMIT: u16 = 1_000;

/// What of the journal is asked for.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct JournalQuery {
    /// Only what is about this venue.
    #[param(value_type = Option<Slug>)]
    venue: Option<String>,
    /// Only messages of this exchange.
    #[param(example = "citytrack.images", pattern = r"^[^\u0000]*$")]
    exchange: Option<String>,
    /// Only messages of this routing key; `*` and `#` stand for any text.
    #[param(example = "images.uploaded.*", pattern = r"^[^\u0000]*$")]
    key: Option<String>,
    /// No messages of this routing key; `*` and `#` stand for any text.
    #[param(example = "live.*", pattern = r"^[^\u0000]*$")]
    except: Option<String>,
    /// Only messages of this type.
    #[param(example = "citytrack.detections.v1", pattern = r"^[^\u0000]*$")]
    r#type: Option<String>,
    /// Only messages about this picture.
    image: Option<Uuid>,
    /// At this instant or after it.
    from: Option<Timestamp>,
    /// Before this instant.
    to: Option<Timestamp>,
    /// Only older entries: `next` of the page before.
    before: Option<i64>,
    /// Only newer entries: `newest` of the answer before.
    after: Option<i64>,
    /// Entries in the answer; else 100.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u16>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Journal)]
struct JournalBody {
    /// Whether messages are being noted: a worker in the role `journal` was at work within the last 30 seconds.
    enabled: bool,
    entries: Vec<EntryBody>,
    /// For `after`: the id of the newest entry that there is, whether or not it was asked for; 0 before the first.
    newest: i64,
    /// For `before`; null when there is no more.
    next: Option<i64>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = JournalEntry)]
struct EntryBody {
    id: i64,
    /// When the worker took it from its queue.
    at: Timestamp,
    #[schema(example = "citytrack.images")]
    exchange: String,
    #[schema(example = "images.uploaded.demo")]
    routing_key: String,
    /// Name and version of its schema.
    #[schema(example = "citytrack.images.upload.v1")]
    r#type: Option<String>,
    /// The connection that published it and its number there.
    #[schema(example = "9f86d081884c7d65-42")]
    message_id: Option<String>,
    /// The picture that it is about.
    image_id: Option<Uuid>,
    /// Bytes of its body.
    size: u64,
    /// The W3C trace that it belongs to.
    #[schema(pattern = "^[0-9a-f]{32}$", example = "4bf92f3577b34da6a3ce929d0e0e4736")]
    trace_id: Option<String>,
    venue: Option<String>,
}

impl From<Entry> for EntryBody {
    fn from(Entry { id, note }: Entry) -> Self {
        Self {
            id,
            at: note.at,
            exchange: note.exchange,
            routing_key: note.routing_key,
            r#type: note.kind,
            message_id: note.message_id,
            image_id: note.image,
            size: note.size,
            trace_id: note.trace_id,
            venue: note.venue.map(|venue| venue.to_string()),
        }
    }
}

/// Journal of messages
///
/// Which messages went through the broker, newest first; never what they said. Needs an operator of a venue, who sees what is
/// about it; an operator of all venues sees everything. To follow it, ask every few seconds for what came `after` the `newest`
/// of the last answer. There is nothing while no worker runs in the role `journal`.
#[utoipa::path(
    get, path = "/api/v1/journal", operation_id = "journal", tag = "system",
    params(JournalQuery),
    responses((status = 200, body = JournalBody)),
)]
pub(super) async fn list(
    principal: Principal,
    query: web::Query<JournalQuery>,
    database: web::Data<Database>,
) -> Result<HttpResponse, Problem> {
    principal.may_somewhere(Right::SeeSystem)?;
    let query = query.into_inner();
    let limit = query.limit.unwrap_or(USUAL_LIMIT);
    if !(1..=HIGHEST_LIMIT).contains(&limit) {
        return Err(invalid_query_of("limit", &format!("must be from 1 to {HIGHEST_LIMIT}")));
    }
    let query = Query {
        venues: venues_shown(query.venue.as_deref(), Right::SeeSystem, &principal)?,
        exchange: text("exchange", query.exchange)?,
        key: text("key", query.key)?,
        except: text("except", query.except)?,
        kind: text("type", query.r#type)?,
        image: query.image,
        from: query.from,
        to: query.to,
        before: query.before,
        after: query.after,
        limit,
    };
    let page = journal::list(&database, &query).await.map_err(problem)?;
    Ok(HttpResponse::Ok().json(JournalBody {
        enabled: page.enabled,
        entries: page.entries.into_iter().map(EntryBody::from).collect(),
        newest: page.newest,
        next: page.next,
    }))
}

/// What is compared with texts of the database, which hold no NUL.
fn text(parameter: &str, value: Option<String>) -> Result<Option<String>, Problem> {
    match value {
        Some(value) if value.contains('\0') => Err(invalid_query_of(parameter, "must not contain a NUL character")),
        value => Ok(value),
    }
}
