//! `GET /api/v1/nodes`: how the nodes are doing.

use actix_web::{HttpResponse, web};
use citytrack_access::Right;
use citytrack_common::Problem;
use citytrack_domain::{Clock, Patience, Slug};
use citytrack_storage::{
    Database,
    node_overview::{self, Overview},
    venues,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::venue_in;
use crate::{auth::Principal, error::problem};

/// Which nodes are asked for.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct OverviewQuery {
    /// Only those of this venue.
    #[param(value_type = Option<Slug>)]
    venue: Option<String>,
    /// Also what was retired.
    #[serde(default)]
    retired: bool,
}

#[derive(Serialize, ToSchema)]
#[schema(as = NodesOverview)]
struct OverviewsBody {
    nodes: Vec<OverviewBody>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = NodeOverview)]
struct OverviewBody {
    id: Uuid,
    #[schema(value_type = Slug)]
    venue: String,
    #[schema(value_type = Slug)]
    slug: String,
    name: String,
    retired_at: Option<Timestamp>,
    status: Status,
    /// When something of it came in last, by our clock.
    last_received_at: Option<Timestamp>,
    /// When the last of it was taken, by its own clock.
    last_captured_at: Option<Timestamp>,
    /// Over the last five full minutes of its own clock; null when it sent nothing in the last days.
    frames_per_second: Option<f64>,
    /// How long after it was taken a frame comes in: the median of the newest ones. Below zero its clock is ahead.
    delay_seconds: Option<f64>,
    /// What it says it runs.
    #[schema(example = "citytrack-node/0.1.0")]
    agent: Option<String>,
    /// Cameras that it ever had.
    cameras: usize,
    /// Keys that are not revoked.
    keys: i64,
    /// Numbered batches that never came.
    missing: i64,
    /// Batches that were refused for good.
    refused: i64,
    /// Batches that came again.
    duplicates: i64,
}

#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = NodeStatus)]
enum Status {
    /// At least one of its cameras sends as it usually does.
    Online,
    Silent,
    /// Nothing of it ever came in.
    Never,
}

impl From<Overview> for OverviewBody {
    fn from(overview: Overview) -> Self {
        Self {
            status: Status::of(&overview),
            id: overview.node.id,
            venue: overview.node.venue.to_string(),
            slug: overview.node.slug.to_string(),
            name: overview.node.name,
            retired_at: overview.node.retired_at,
            last_received_at: overview.last_received_at,
            last_captured_at: overview.last_captured_at,
            frames_per_second: overview.frames_per_second.map(to_thousandths),
            delay_seconds: overview
                .delay
                .as_ref()
                .map(SignedDuration::as_secs_f64)
                .map(to_thousandths),
            agent: overview.agent,
            cameras: overview.cameras,
            keys: overview.keys,
            missing: overview.missing,
            refused: overview.refused,
            duplicates: overview.duplicates,
        }
    }
}

impl Status {
    fn of(overview: &Overview) -> Self {
        if overview.online {
            Self::Online
        } else if overview.had_key && (overview.cameras > 0 || overview.last_received_at.is_some()) {
            Self::Silent
        } else {
            Self::Never
        }
    }
}

/// More is noise.
fn to_thousandths(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

/// How the nodes are doing
///
/// The nodes of all venues in which the caller may see them, or of one: whether each sends, how much, how late, what it runs,
/// and what became of its batches. A node is silent when each of its cameras is silent for more than 10 seconds and for more
/// than five times its usual interval.
#[utoipa::path(
    get, path = "/api/v1/nodes", operation_id = "nodes_overview", tag = "nodes",
    params(OverviewQuery),
    responses((status = 200, body = OverviewsBody)),
)]
pub(super) async fn list(
    principal: Principal,
    query: web::Query<OverviewQuery>,
    database: web::Data<Database>,
    clock: web::Data<Clock>,
) -> Result<HttpResponse, Problem> {
    let venues = venues(&principal, &query, &database).await?;
    let patience = Patience::default();
    let nodes = node_overview::list(&database, &venues, query.retired, &patience, clock.now())
        .await
        .map_err(problem)?;
    let nodes = nodes.into_iter().map(OverviewBody::from).collect();
    Ok(HttpResponse::Ok().json(OverviewsBody { nodes }))
}

/// The venues whose nodes are asked for and may be seen. The nodes of a retired venue are retired with it.
async fn venues(principal: &Principal, query: &OverviewQuery, database: &Database) -> Result<Vec<Slug>, Problem> {
    if let Some(asked) = query.venue.as_deref() {
        let venue = venue_in(asked)?;
        principal.may(Right::SeeNodes, &venue)?;
        venues::get(database, &venue).await.map_err(problem)?;
        return Ok(vec![venue]);
    }
    principal.may_somewhere(Right::SeeNodes)?;
    let all = venues::list(database, query.retired).await.map_err(problem)?;
    let slugs = all.into_iter().map(|venue| venue.slug);
    Ok(slugs
        .filter(|venue| principal.may(Right::SeeNodes, venue).is_ok())
        .collect())
}
