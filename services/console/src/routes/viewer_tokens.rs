//! `/api/v1/viewer-tokens`

use std::{collections::BTreeSet, time::Duration};

use actix_web::{HttpResponse, web};
use citytrack_access::{CameraLimits, Right, ViewerTokens};
use citytrack_common::Problem;
use citytrack_domain::{CameraPattern, Clock, Slug};
use citytrack_storage::{Database, Error, venues};
use jiff::Timestamp;
use serde_json::{Value, json};
use tracing::info;

use crate::{
    auth::Principal,
    body::{Body, Fields, Refused, invalid, violation},
    error::problem,
};

/// The longest time that a viewer token may be valid.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LongestTtl(pub(crate) Duration);

const DEFAULT_TTL: Duration = Duration::from_hours(8);
const MOST_VENUES: usize = 100;
/// In all venues together. More would make a token that is too long for the head of a request.
const MOST_CAMERAS: usize = 100;

pub(super) async fn create(
    principal: Principal,
    database: web::Data<Database>,
    viewers: web::Data<ViewerTokens>,
    clock: web::Data<Clock>,
    longest: web::Data<LongestTtl>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    principal.may_somewhere(Right::IssueViewerTokens)?;
    let (venues, cameras, ttl) = body.read(|fields| {
        let venues = venues_of(fields);
        let cameras = cameras_of(fields, venues.as_deref().ok());
        let ttl = fields.optional("ttl", |text| parse_ttl(text, **longest));
        Ok((venues?, cameras?, ttl?.unwrap_or(DEFAULT_TTL.min(longest.0))))
    })?;
    for venue in &venues {
        principal.may(Right::IssueViewerTokens, venue)?;
    }
    check_venues(&database, &venues).await?;
    let venues = sorted(venues);
    let now = clock.now();
    // The token tells whole seconds; so does the answer.
    let expires_at = (now + ttl).as_second();
    let expires_at = Timestamp::from_second(expires_at).map_err(|_| Problem::internal())?;
    let token = viewers
        .issue(&venues, &cameras, expires_at, now)
        .map_err(|_| Problem::internal())?;
    let venues: Vec<&str> = venues.iter().map(Slug::as_str).collect();
    info!(venues = venues.join(","), cameras = ?cameras, %expires_at, "viewer token issued");
    let mut answer = json!({ "token": token, "venues": venues, "expires_at": expires_at });
    if !cameras.is_empty() {
        answer["cameras"] = as_sent(&cameras);
    }
    Ok(HttpResponse::Created().json(answer))
}

fn as_sent(cameras: &CameraLimits) -> Value {
    let list = |patterns: &Vec<CameraPattern>| patterns.iter().map(|pattern| json!(pattern.to_string())).collect();
    let lists = cameras
        .iter()
        .map(|(venue, patterns)| (venue.to_string(), list(patterns)));
    Value::Object(lists.collect())
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
