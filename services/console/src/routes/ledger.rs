//! `/api/v1/nodes/{node}/ledger`

use actix_web::{HttpResponse, web};
use citytrack_access::Right;
use citytrack_common::Problem;
use citytrack_storage::{
    Database,
    ledger::{self, Figures, NodeLedger, Refused, StreamLedger},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::node_in;
use crate::{auth::Principal, error::problem};

/// Streams in an answer, unless asked otherwise.
const DEFAULT_STREAMS: u16 = 20;
const MOST_STREAMS: u16 = 200;
/// Gaps of each stream in an answer.
const GAPS: i64 = 100;

/// `?limit=50` shows so many streams.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct LedgerQuery {
    /// Streams in the answer; else 20.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u16>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Ledger)]
struct LedgerBody {
    node: Uuid,
    as_of: Timestamp,
    last_received_at: Option<Timestamp>,
    totals: FiguresBody,
    refusals: Vec<RefusedBody>,
    streams_total: i64,
    streams: Vec<StreamBody>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = LedgerFigures)]
struct FiguresBody {
    received: i64,
    stored: i64,
    duplicate: i64,
    late: i64,
    refused: i64,
    reused: i64,
    missing: i64,
}

#[derive(Serialize, ToSchema)]
#[schema(as = LedgerRefusals)]
struct RefusedBody {
    reason: String,
    batches: i64,
    last_at: Timestamp,
    last_detail: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = LedgerStream)]
struct StreamBody {
    stream: Uuid,
    highest: i64,
    #[serde(flatten)]
    figures: FiguresBody,
    missing_ranges: Vec<RangeBody>,
    settled_below: i64,
    first_received_at: Timestamp,
    last_received_at: Timestamp,
}

#[derive(Serialize, ToSchema)]
#[schema(as = MissingRange)]
struct RangeBody {
    from: i64,
    to: i64,
}

/// Loss ledger of a node
///
/// Which of its batches came, and which did not.
#[utoipa::path(
    get, path = "/api/v1/nodes/{node}/ledger", operation_id = "ledger", tag = "nodes",
    params(("node" = Uuid, Path), LedgerQuery),
    responses((status = 200, body = LedgerBody)),
)]
pub(super) async fn get(
    principal: Principal,
    path: web::Path<String>,
    query: web::Query<LedgerQuery>,
    database: web::Data<Database>,
) -> Result<HttpResponse, Problem> {
    let node = node_in(&path, Right::SeeNodes, &principal, &database).await?.id;
    let limit = query.limit.unwrap_or(DEFAULT_STREAMS);
    if !(1..=MOST_STREAMS).contains(&limit) {
        return Err(Problem::bad_request(
            "invalid-query",
            "Invalid query",
            format!("limit must be 1 to {MOST_STREAMS}"),
        ));
    }
    let ledger = ledger::of_node(&database, node, limit.into(), GAPS)
        .await
        .map_err(problem)?;
    Ok(HttpResponse::Ok().json(body(node, ledger)))
}

fn body(node: Uuid, ledger: NodeLedger) -> LedgerBody {
    LedgerBody {
        node,
        as_of: ledger.as_of,
        last_received_at: ledger.last_received_at,
        totals: ledger.totals.into(),
        refusals: ledger.refusals.into_iter().map(RefusedBody::from).collect(),
        streams_total: ledger.streams_total,
        streams: ledger.streams.into_iter().map(StreamBody::from).collect(),
    }
}

impl From<Figures> for FiguresBody {
    fn from(figures: Figures) -> Self {
        Self {
            received: figures.received(),
            stored: figures.stored,
            duplicate: figures.duplicate,
            late: figures.late,
            refused: figures.refused,
            reused: figures.reused,
            missing: figures.missing,
        }
    }
}

impl From<Refused> for RefusedBody {
    fn from(refused: Refused) -> Self {
        Self {
            reason: refused.reason,
            batches: refused.batches,
            last_at: refused.last_at,
            last_detail: refused.last_detail,
        }
    }
}

impl From<StreamLedger> for StreamBody {
    fn from(ledger: StreamLedger) -> Self {
        let ranges = ledger.gaps.into_iter();
        Self {
            stream: ledger.stream,
            highest: ledger.highest,
            figures: ledger.figures.into(),
            missing_ranges: ranges
                .map(|gap| RangeBody {
                    from: gap.from,
                    to: gap.to,
                })
                .collect(),
            settled_below: ledger.settled_below,
            first_received_at: ledger.first_received_at,
            last_received_at: ledger.last_received_at,
        }
    }
}
