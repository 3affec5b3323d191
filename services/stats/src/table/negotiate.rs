//! What an answer is written as: the parameter `format`, or else the header `Accept`.

use std::cmp::Reverse;

use actix_web::{
    HttpRequest,
    http::{
        StatusCode,
        header::{Accept, Header, Quality},
    },
};
use citytrack_common::Problem;

/// One of the forms that an answer may have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offer<T> {
    name: &'static str,
    media_type: &'static str,
    value: T,
}

impl<T> Offer<T> {
    /// `name` in `format=`, `media_type` without parameters in `Accept`.
    pub(crate) const fn new(name: &'static str, media_type: &'static str, value: T) -> Self {
        Self {
            name,
            media_type,
            value,
        }
    }

    fn accepted_by(&self, kind: &str, subtype: &str) -> bool {
        let (own_kind, own_subtype) = self.media_type.split_once('/').unwrap_or((self.media_type, ""));
        kind == "*" || kind == own_kind && (subtype == "*" || subtype == own_subtype)
    }
}

/// What `format` says, or else what `Accept` likes best; the first of `offers` when neither says anything.
///
/// # Errors
/// 400 for a `format` that is not offered, 406 when `Accept` takes none.
pub(crate) fn negotiate<T: Copy>(
    request: &HttpRequest,
    format: Option<&str>,
    offers: &[Offer<T>],
) -> Result<T, Problem> {
    if let Some(format) = format {
        return match offers.iter().find(|offer| offer.name == format) {
            Some(offer) => Ok(offer.value),
            None => {
                let names = listed(offers.iter().map(|offer| offer.name), "and");
                let detail = format!("format is {format:?}, but must be one of {names}");
                Err(Problem::bad_request("invalid-query", "Invalid query", detail).with("parameter", "format"))
            }
        };
    }
    let accept = Accept::parse(request).ok().filter(|accept| !accept.is_empty());
    let accepted = match &accept {
        None => offers.first(),
        Some(accept) => best(accept, offers),
    };
    accepted.map(|offer| offer.value).ok_or_else(|| {
        let types = listed(offers.iter().map(|offer| offer.media_type), "or");
        let detail = format!("this comes as {types}; the parameter format chooses, too");
        Problem::new(StatusCode::NOT_ACCEPTABLE, "not-acceptable", "Not acceptable", detail)
    })
}

fn best<'a, T>(accept: &Accept, offers: &'a [Offer<T>]) -> Option<&'a Offer<T>> {
    let mut wanted: Vec<_> = accept.iter().filter(|wanted| wanted.quality > Quality::ZERO).collect();
    wanted.sort_by_key(|wanted| Reverse(wanted.quality));
    wanted.iter().find_map(|wanted| {
        let (kind, subtype) = (wanted.item.type_().as_str(), wanted.item.subtype().as_str());
        offers.iter().find(|offer| offer.accepted_by(kind, subtype))
    })
}

/// `a, b and c`
fn listed(names: impl Iterator<Item = &'static str>, word: &str) -> String {
    let names: Vec<_> = names.collect();
    match names.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} {word} {last}", others.join(", ")),
        _ => names.concat(),
    }
}
