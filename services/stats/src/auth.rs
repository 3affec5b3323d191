//! Who is asking: the bearer of a viewer token.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use citytrack_access::{ViewerToken, ViewerTokens};
use citytrack_common::{Problem, http};
use citytrack_domain::{Clock, Slug};

/// Somebody who may see some venues.
#[derive(Debug)]
pub(crate) struct Viewer(ViewerToken);

impl Viewer {
    /// Refuses a venue that the token does not name. Whether there is such a venue is not told.
    pub(crate) fn check(&self, venue: &Slug) -> Result<(), Problem> {
        if self.0.allows(venue) {
            Ok(())
        } else {
            Err(Problem::forbidden(format!(
                "this viewer token does not name the venue {venue}"
            )))
        }
    }

    fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let dependencies = (
            request.app_data::<web::Data<ViewerTokens>>(),
            request.app_data::<web::Data<Clock>>(),
        );
        let (Some(viewers), Some(clock)) = dependencies else {
            return Err(Problem::internal());
        };
        let token = http::bearer(request)
            .ok_or_else(|| Problem::unauthorized("send a viewer token as `Authorization: Bearer …`"))?;
        viewers
            .verify(token, clock.now())
            .map(Self)
            .map_err(|error| Problem::unauthorized(error.to_string()))
    }
}

impl FromRequest for Viewer {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}
