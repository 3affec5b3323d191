//! Who is asking: an argument of a handler, so that a handler without one is visibly open to everybody.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use citytrack_access::{AdministratorToken, TokenError, ViewerToken, ViewerTokens};
use citytrack_common::{Problem, http};
use citytrack_domain::{CameraName, Clock, Slug};

/// The bearer of the administrator token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Administrator;

/// Somebody who may read: the administrator everything, a viewer its venues, and of these perhaps only some cameras.
#[derive(Debug)]
pub(crate) enum Reader {
    Administrator,
    Viewer(ViewerToken),
}

impl Reader {
    /// Whether the venue is one that it may see.
    pub(crate) fn may_see(&self, venue: &Slug) -> bool {
        match self {
            Self::Administrator => true,
            Self::Viewer(token) => token.allows(venue),
        }
    }

    /// Whether the camera of `venue` is one that it may see.
    pub(crate) fn may_see_camera(&self, venue: &Slug, node: &Slug, camera: &CameraName) -> bool {
        match self {
            Self::Administrator => true,
            Self::Viewer(token) => token.allows_camera(venue, node, camera),
        }
    }

    /// Refuses a venue that it may not see. Whether there is such a venue is not told.
    pub(crate) fn check(&self, venue: &Slug) -> Result<(), Problem> {
        if self.may_see(venue) {
            Ok(())
        } else {
            Err(Problem::forbidden(format!(
                "this viewer token does not name the venue {venue}"
            )))
        }
    }

    fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let dependencies = (
            request.app_data::<web::Data<AdministratorToken>>(),
            request.app_data::<web::Data<ViewerTokens>>(),
            request.app_data::<web::Data<Clock>>(),
        );
        let (Some(administrator), Some(viewers), Some(clock)) = dependencies else {
            return Err(Problem::internal());
        };
        let token = http::bearer(request)
            .ok_or_else(|| Problem::unauthorized("send the administrator token as `Authorization: Bearer …`"))?;
        if administrator.matches(token) {
            return Ok(Self::Administrator);
        }
        viewers
            .verify(token, clock.now())
            .map(Self::Viewer)
            .map_err(|error| match error {
                TokenError::Expired => Problem::unauthorized("the viewer token has expired"),
                TokenError::Invalid => {
                    Problem::unauthorized("the token is neither the administrator token nor a valid viewer token")
                }
            })
    }
}

impl FromRequest for Reader {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}

impl FromRequest for Administrator {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(match Reader::of(request) {
            Ok(Reader::Administrator) => Ok(Self),
            Ok(Reader::Viewer(_)) => Err(Problem::forbidden(
                "this needs the administrator token; a viewer may not",
            )),
            Err(problem) => Err(problem),
        })
    }
}
