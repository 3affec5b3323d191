//! `/api/v1/audit`

use std::net::IpAddr;

use actix_web::{HttpResponse, web};
use citytrack_access::Right;
use citytrack_common::Problem;
use citytrack_domain::Slug;
use citytrack_storage::{
    Database,
    audit::{self, Actor, Entry, Query},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{invalid_query_of, venues_shown};
use crate::{auth::Principal, error::problem};

const USUAL_LIMIT: u16 = 50;
const HIGHEST_LIMIT: u16 = 500;

/// What of the log is asked for.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditQuery {
    /// Only what is about this venue.
    #[param(value_type = Option<Slug>)]
    venue: Option<String>,
    /// Only what an actor of this name did.
    #[param(pattern = r"^[^\u0000-\u001f\u007f-\u009f]*$")]
    actor: Option<String>,
    /// Only this action, such as `venue.updated`, or those of this kind, such as `venue`.
    #[param(pattern = r"^[^\u0000-\u001f\u007f-\u009f]*$")]
    action: Option<String>,
    /// At this instant or after it.
    from: Option<Timestamp>,
    /// Before this instant.
    to: Option<Timestamp>,
    /// `next` of the page before.
    before: Option<i64>,
    /// Entries in the answer; else 50.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u16>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AuditLog)]
struct AuditBody {
    entries: Vec<EntryBody>,
    /// For `before`; null when there is no more.
    next: Option<i64>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AuditEntry)]
struct EntryBody {
    id: i64,
    at: Timestamp,
    actor: ActorBody,
    /// Where the request came from.
    #[schema(value_type = Option<String>)]
    address: Option<IpAddr>,
    #[schema(example = "venue.updated")]
    action: String,
    subject: String,
    venue: Option<String>,
    /// What was there and is not any more; `(hidden)` in the place of a hash.
    #[schema(value_type = Option<Object>)]
    before: Option<Value>,
    /// What is there now and was not before.
    #[schema(value_type = Option<Object>)]
    after: Option<Value>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AuditActor)]
struct ActorBody {
    #[schema(
        pattern = "^(user|api-token|administrator-token|viewer-token|command|database)$",
        example = "user"
    )]
    kind: &'static str,
    name: String,
}

impl From<Entry> for EntryBody {
    fn from(entry: Entry) -> Self {
        let Actor {
            kind, name, address, ..
        } = entry.actor;
        Self {
            id: entry.id,
            at: entry.at,
            actor: ActorBody {
                kind: kind.as_str(),
                name,
            },
            address,
            action: entry.action,
            subject: entry.subject,
            venue: entry.venue.map(|venue| venue.to_string()),
            before: entry.before,
            after: entry.after,
        }
    }
}

/// Audit log
///
/// Who changed what, newest first. Needs an admin of a venue, who sees what is about it; an admin of all venues sees
/// everything.
#[utoipa::path(
    get, path = "/api/v1/audit", operation_id = "audit", tag = "audit",
    params(AuditQuery),
    responses((status = 200, body = AuditBody)),
)]
pub(super) async fn list(
    principal: Principal,
    query: web::Query<AuditQuery>,
    database: web::Data<Database>,
) -> Result<HttpResponse, Problem> {
    principal.may_somewhere(Right::SeeAudit)?;
    let query = query.into_inner();
    let limit = query.limit.unwrap_or(USUAL_LIMIT);
    if !(1..=HIGHEST_LIMIT).contains(&limit) {
        return Err(invalid(&format!("`limit` must be from 1 to {HIGHEST_LIMIT}")));
    }
    for (parameter, text) in [("actor", &query.actor), ("action", &query.action)] {
        if text.as_ref().is_some_and(|text| text.contains(char::is_control)) {
            return Err(invalid_query_of(parameter, "must be without control characters"));
        }
    }
    let query = Query {
        venues: venues_shown(query.venue.as_deref(), Right::SeeAudit, &principal)?,
        actor: query.actor,
        action: query.action,
        from: query.from,
        to: query.to,
        before: query.before,
        limit,
    };
    let page = audit::list(&database, &query).await.map_err(problem)?;
    Ok(HttpResponse::Ok().json(AuditBody {
        entries: page.entries.into_iter().map(EntryBody::from).collect(),
        next: page.next,
    }))
}

fn invalid(detail: &str) -> Problem {
    Problem::bad_request("invalid-query", "Invalid query", detail)
}
