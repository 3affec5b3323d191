//! `GET /api/v1/live/presence`: how many watch which venue, at all instances.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use citytrack_access::{AdministratorToken, ViewerToken};
use citytrack_common::{Problem, http::bearer};
use citytrack_domain::Slug;
use serde::Serialize;
use tokio::sync::watch;
use utoipa::ToSchema;

use super::Everywhere;
use crate::handshake::Sockets;

/// What the route needs.
#[derive(Clone)]
pub(crate) struct PresenceSource {
    pub(crate) everywhere: watch::Receiver<Everywhere>,
    /// Without it viewers alone can ask.
    pub(crate) administrator: Option<AdministratorToken>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Presence)]
struct Answer {
    venues: Vec<VenuePresence>,
}

#[derive(Serialize, ToSchema)]
struct VenuePresence {
    #[schema(value_type = Slug)]
    venue: String,
    /// Sockets and streams of events that want frames of the venue.
    watching: u64,
    /// For the administrator alone: names of machines are nobody else's business.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    instances: Option<Vec<InstancePresence>>,
}

#[derive(Serialize, ToSchema)]
struct InstancePresence {
    instance: String,
    watching: u64,
}

/// How many watch which venue
///
/// At all instances. The administrator sees every venue, a viewer those of the token.
#[utoipa::path(
    get, path = "/api/v1/live/presence", operation_id = "presence", tag = "live",
    responses((status = 200, body = Answer)),
)]
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
        instances: viewer.is_none().then_some(instances),
    });
    Answer {
        venues: venues.collect(),
    }
}

#[cfg(test)]
mod tests {
    use citytrack_access::{CameraLimits, Venues};
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::fixtures::slug;

    fn told(everywhere: &Everywhere, viewer: Option<&ViewerToken>) -> serde_json::Value {
        serde_json::to_value(answer(everywhere, viewer)).unwrap()
    }

    #[test]
    fn the_watchers_of_a_venue_are_added_up_and_a_viewer_sees_only_its_own() {
        let there = [(slug("demo"), 3), (slug("hall"), 1)].into();
        let instances = [("a:1", [(slug("demo"), 2)].into()), ("b:2", there)];
        let everywhere = Everywhere {
            instances: instances.map(|(name, watching)| (name.to_owned(), watching)).into(),
        };
        let demo = json!({"venue": "demo", "watching": 5, "instances": [
            {"instance": "a:1", "watching": 2}, {"instance": "b:2", "watching": 3},
        ]});
        let hall = json!({"venue": "hall", "watching": 1, "instances": [{"instance": "b:2", "watching": 1}]});
        assert_eq!(told(&everywhere, None), json!({"venues": [demo, hall]}));
        let of_venues = |venues| ViewerToken {
            venues,
            cameras: CameraLimits::new(),
            expires_at: Timestamp::MAX,
            fingerprint: 0,
        };
        let viewer = of_venues(Venues::Named(vec![slug("demo"), slug("lab")]));
        let without = json!({"venue": "demo", "watching": 5});
        assert_eq!(
            told(&everywhere, Some(&viewer)),
            json!({"venues": [without]}),
            "the names of machines are for the administrator"
        );
        let every = told(&everywhere, Some(&of_venues(Venues::All)));
        let both = json!([{"venue": "demo", "watching": 5}, {"venue": "hall", "watching": 1}]);
        assert_eq!(every, json!({ "venues": both }));
    }
}
