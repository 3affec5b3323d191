//! `/api/v1/viewer-tokens`

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use actix_web::{HttpResponse, web};
use citytrack_access::{CameraLimits, Right, ViewerTokens};
use citytrack_common::Problem;
use citytrack_domain::{CameraPattern, Clock, Slug};
use citytrack_storage::{Database, Error, audit, venues};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use tracing::info;
use utoipa::ToSchema;

use super::parse_ttl;
use crate::{
    auth::Principal,
    body::{Body, Fields, Refused, invalid, violation},
    error::problem,
    schema::NewViewerToken,
};

/// The longest time that a viewer token may be valid.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LongestTtl(pub(crate) Duration);

const DEFAULT_TTL: Duration = Duration::from_hours(8);
/// Of a token that a program gets for its own.
const EXCHANGED_TTL: Duration = Duration::from_mins(15);
const MOST_VENUES: usize = 100;
/// In all venues together. More would make a token that is too long for the head of a request.
const MOST_CAMERAS: usize = 100;

#[derive(Serialize, ToSchema)]
#[schema(as = ViewerToken)]
struct TokenBody {
    token: String,
    #[schema(value_type = Vec<Slug>)]
    venues: Vec<String>,
    /// Of some of the venues only these cameras.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<Slug, Vec<CameraPattern>>, required = false)]
    cameras: BTreeMap<String, Vec<String>>,
    expires_at: Timestamp,
}

/// New viewer token
///
/// Needs an operator of the venues. It lets see, and cannot be taken back before it ends.
#[utoipa::path(
    post, path = "/api/v1/viewer-tokens", operation_id = "create_viewer_token", tag = "tokens",
    request_body = NewViewerToken,
    responses((status = 201, body = TokenBody)),
)]
pub(super) async fn create(
    principal: Principal,
    database: web::Data<Database>,
    viewers: web::Data<ViewerTokens>,
    clock: web::Data<Clock>,
    longest: web::Data<LongestTtl>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    principal.may_somewhere(least_right(&principal))?;
    let (venues, cameras, ttl) = body.read(|fields| {
        let venues = venues_of(fields);
        let cameras = cameras_of(fields, venues.as_deref().ok());
        let ttl = fields.optional("ttl", |text| parse_ttl(text, longest.0));
        Ok((venues?, cameras?, ttl?))
    })?;
    let ttl = ttl_for(&principal, &venues, ttl)?.min(longest.0);
    check_venues(&database, &venues).await?;
    let venues = sorted(venues);
    let now = clock.now();
    let ends = principal.api_token_ends().unwrap_or(Timestamp::MAX);
    // The token tells whole seconds; so does the answer.
    let expires_at = Timestamp::from_second((now + ttl).min(ends).as_second()).map_err(|_| Problem::internal())?;
    let token = viewers
        .issue(&venues, &cameras, expires_at, now)
        .map_err(|_| Problem::internal())?;
    note(&principal, &database, &venues, &cameras, expires_at).await?;
    info!(?venues, cameras = ?cameras, %expires_at, "viewer token issued");
    Ok(HttpResponse::Created().json(TokenBody {
        token,
        venues: venues.iter().map(ToString::to_string).collect(),
        cameras: as_sent(&cameras),
        expires_at,
    }))
}

/// What it takes in every venue: programs have no other way to the live feed than a viewer token for what they may see.
fn least_right(principal: &Principal) -> Right {
    match principal.api_token_ends() {
        Some(_) => Right::SeeVenue,
        None => Right::IssueViewerTokens,
    }
}

/// How long the token is valid that was `asked` for. Whoever may not issue any gets one of those that end soon: what was
/// revoked must not live on in it.
fn ttl_for(principal: &Principal, venues: &[Slug], asked: Option<Duration>) -> Result<Duration, Problem> {
    if may_issue(principal, venues) {
        return Ok(asked.unwrap_or(DEFAULT_TTL));
    }
    for venue in venues {
        principal.may(least_right(principal), venue)?;
    }
    match asked {
        Some(ttl) if ttl > EXCHANGED_TTL => {
            let message = format!(
                "must be at most {} without the role operator",
                humantime::format_duration(EXCHANGED_TTL)
            );
            Err(invalid(vec![violation("/ttl", &message)]))
        }
        asked => Ok(asked.unwrap_or(EXCHANGED_TTL)),
    }
}

fn may_issue(principal: &Principal, venues: &[Slug]) -> bool {
    let roles = principal.roles();
    venues.iter().all(|venue| roles.allow(Right::IssueViewerTokens, venue))
}

/// An entry of the audit log for each venue. A program that exchanges its own token for one of few minutes passes nothing on.
async fn note(
    principal: &Principal,
    database: &Database,
    venues: &[Slug],
    cameras: &CameraLimits,
    expires_at: Timestamp,
) -> Result<(), Problem> {
    if !may_issue(principal, venues) {
        return Ok(());
    }
    let change = principal.change(database).await?;
    for venue in venues {
        let only = cameras.get(venue).map(|patterns| patterns_as_sent(patterns));
        let detail = json!({ "expires_at": expires_at, "cameras": only });
        let noted = audit::note(
            &change,
            "viewer-token.created",
            venue.as_str(),
            Some(venue),
            Some(&detail),
        );
        noted.await.map_err(problem)?;
    }
    change.commit().await.map_err(problem)
}

fn as_sent(cameras: &CameraLimits) -> BTreeMap<String, Vec<String>> {
    let lists = cameras
        .iter()
        .map(|(venue, patterns)| (venue.to_string(), patterns_as_sent(patterns)));
    lists.collect()
}

fn patterns_as_sent(patterns: &[CameraPattern]) -> Vec<String> {
    patterns.iter().map(ToString::to_string).collect()
}

fn sorted<T: Ord>(values: Vec<T>) -> Vec<T> {
    values.into_iter().collect::<BTreeSet<_>>().into_iter().collect()
}

/// At least one venue.
fn venues_of(fields: &mut Fields) -> Result<Vec<Slug>, Refused> {
    let venues = fields.list("venues", Slug::new)?;
    if !(1..=MOST_VENUES).contains(&venues.len()) {
        return Err(fields.refuse("venues", &format!("must name 1 to {MOST_VENUES} venues")));
    }
    Ok(venues)
}

/// Of some of the `venues` (unknown when they could not be read) only some cameras, which need not have been seen yet.
fn cameras_of(fields: &mut Fields, venues: Option<&[Slug]>) -> Result<CameraLimits, Refused> {
    let cameras = fields.named_lists("cameras", Slug::new, str::parse::<CameraPattern>)?;
    let mut wrong = Vec::new();
    if cameras.values().map(Vec::len).sum::<usize>() > MOST_CAMERAS {
        wrong.push((
            "cameras".to_owned(),
            format!("must name at most {MOST_CAMERAS} cameras"),
        ));
    }
    for (venue, patterns) in &cameras {
        let field = format!("cameras/{venue}");
        if patterns.is_empty() {
            let message = "must name a camera; leave the venue out of `cameras` to allow all of them";
            wrong.push((field, message.to_owned()));
        } else if venues.is_some_and(|venues| !venues.contains(venue)) {
            wrong.push((field, "is not among `venues`".to_owned()));
        }
    }
    let refused = wrong
        .iter()
        .map(|(field, message)| fields.refuse(field, message))
        .last();
    let each_once = cameras.into_iter().map(|(venue, patterns)| (venue, sorted(patterns)));
    refused.map_or_else(|| Ok(each_once.collect()), Err)
}

/// A token for a venue that is not there would only be found out by whoever gets it.
async fn check_venues(database: &Database, venues: &[Slug]) -> Result<(), Problem> {
    let mut violations = Vec::new();
    for (place, slug) in venues.iter().enumerate() {
        let message = match venues::get(database, slug).await {
            Ok(venue) if venue.retired_at.is_none() => continue,
            Ok(_) => format!("the venue {slug} is retired"),
            Err(Error::NotFound(message)) => message,
            Err(error) => return Err(problem(error)),
        };
        violations.push(violation(&format!("/venues/{place}"), &message));
    }
    if violations.is_empty() {
        Ok(())
    } else {
        Err(invalid(violations))
    }
}
