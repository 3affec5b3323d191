//! `/api/v1/viewer-tokens`

use std::time::Duration;

use actix_web::{HttpResponse, web};
use citytrack_access::ViewerTokens;
use citytrack_common::Problem;
use citytrack_domain::{Clock, Slug};
use citytrack_storage::{Database, Error, venues};
use jiff::Timestamp;
use serde_json::json;
use tracing::info;

use crate::{
    auth::Administrator,
    body::{Body, Fields, Refused, invalid, violation},
    error::problem,
};

/// The longest time that a viewer token may be valid.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LongestTtl(pub(crate) Duration);

const DEFAULT_TTL: Duration = Duration::from_hours(8);
const MOST_VENUES: usize = 100;

pub(super) async fn create(
    _: Administrator,
    database: web::Data<Database>,
    viewers: web::Data<ViewerTokens>,
    clock: web::Data<Clock>,
    longest: web::Data<LongestTtl>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let (mut venues, ttl) = body.read(|fields| {
        let venues = venues_of(fields);
        let ttl = fields.optional("ttl", |text| parse_ttl(text, **longest));
        Ok((venues?, ttl?.unwrap_or(DEFAULT_TTL.min(longest.0))))
    })?;
    check_venues(&database, &venues).await?;
    venues.sort();
    venues.dedup();
    let now = clock.now();
    // The token tells whole seconds; so does the answer.
    let expires_at = (now + ttl).as_second();
    let expires_at = Timestamp::from_second(expires_at).map_err(|_| Problem::internal())?;
    let token = viewers
        .issue(&venues, expires_at, now)
        .map_err(|_| Problem::internal())?;
    let venues: Vec<&str> = venues.iter().map(Slug::as_str).collect();
    info!(venues = venues.join(","), %expires_at, "viewer token issued");
    Ok(HttpResponse::Created().json(json!({ "token": token, "venues": venues, "expires_at": expires_at })))
}

/// At least one venue.
fn venues_of(fields: &mut Fields) -> Result<Vec<Slug>, Refused> {
    let venues = fields.list("venues", Slug::new)?;
    if !(1..=MOST_VENUES).contains(&venues.len()) {
        return Err(fields.refuse("venues", &format!("must name 1 to {MOST_VENUES} venues")));
    }
    Ok(venues)
}

fn parse_ttl(text: &str, LongestTtl(longest): LongestTtl) -> Result<Duration, String> {
    let ttl = humantime::parse_duration(text).map_err(|_| "must be a duration such as 8h or 30m".to_owned())?;
    if ttl < Duration::from_secs(1) {
        return Err("must be at least 1s".to_owned());
    }
    if ttl > longest {
        return Err(format!("must be at most {}", humantime::format_duration(longest)));
    }
    Ok(ttl)
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
