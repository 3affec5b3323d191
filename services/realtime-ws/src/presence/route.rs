//! `GET /api/v1/live/presence`: how many watch which venue, at all instances.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use citytrack_access::{AdministratorToken, ViewerToken};
use citytrack_common::{Problem, http::bearer};
use citytrack_domain::Slug;
use serde::Serialize;
use tokio::sync::watch;

use super::Everywhere;
use crate::handshake::Sockets;

/// What the route needs.
#[derive(Clone)]
pub(crate) struct PresenceSource {
    pub(crate) everywhere: watch::Receiver<Everywhere>,
    /// Without it viewers alone can ask.
    pub(crate) administrator: Option<AdministratorToken>,
}

#[derive(Serialize)]
struct Answer {
    venues: Vec<VenuePresence>,
}

#[derive(Serialize)]
struct VenuePresence {
    venue: String,
    watching: u64,
    instances: Vec<InstancePresence>,
}

#[derive(Serialize)]
struct InstancePresence {
    instance: String,
    watching: u64,
}

/// The administrator sees every venue, a viewer those of the token.
pub(crate) async fn presence(
    request: HttpRequest,
    source: web::Data<PresenceSource>,
    sockets: web::Data<Sockets>,
) -> Result<HttpResponse, Problem> {
    let token = bearer(&request).ok_or_else(|| {
        Problem::unauthorized("an administrator or viewer token is needed, as `Authorization: Bearer`")
    })?;
    let is_administrator = source
        .administrator
        .as_ref()
        .is_some_and(|administrator| administrator.matches(token));
    let viewer = if is_administrator {
        None
    } else {
        Some(sockets.verify(token)?)
    };
    let answer = answer(&source.everywhere.borrow(), viewer.as_ref());
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(answer))
}

fn answer(everywhere: &Everywhere, viewer: Option<&ViewerToken>) -> Answer {
    let mut venues: BTreeMap<&Slug, Vec<InstancePresence>> = BTreeMap::new();
    for (instance, watching) in &everywhere.instances {
        for (venue, watching) in watching {
            if viewer.is_none_or(|viewer| viewer.allows(venue)) {
                let instance = InstancePresence {
                    instance: instance.clone(),
                    watching: *watching,
                };
                venues.entry(venue).or_default().push(instance);
            }
        }
    }
    let venues = venues.into_iter().map(|(venue, instances)| VenuePresence {
        venue: venue.to_string(),
        watching: instances.iter().map(|instance| instance.watching).sum(),
        instances,
    });
    Answer {
        venues: venues.collect(),
    }
}
