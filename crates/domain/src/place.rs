//! Venues and nodes, as far as rules need them.

use jiff::tz::TimeZone;
use uuid::Uuid;

use crate::names::Slug;

/// Who sent a batch: the node and its venue, as the node key told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeIdentity {
    /// The node's id.
    pub id: Uuid,
    /// The node's short name within the venue.
    pub node: Slug,
    /// The venue it belongs to.
    pub venue: Slug,
}

/// An IANA time zone name that is known here, such as `Pacific/Auckland`.
#[derive(Clone, Debug)]
pub struct VenueTimeZone {
    name: String,
    zone: TimeZone,
}

/// The time zone is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a known IANA time zone, such as Europe/Berlin")]
pub struct InvalidTimeZone(String);

impl VenueTimeZone {
    /// Looks the name up in the time zone database.
    ///
    /// # Errors
    /// When there is no such zone.
    pub fn new(name: &str) -> Result<Self, InvalidTimeZone> {
        let zone = TimeZone::get(name).map_err(|_| InvalidTimeZone(name.to_owned()))?;
        let name = zone
            .iana_name()
            .ok_or_else(|| InvalidTimeZone(name.to_owned()))?
            .to_owned();
        Ok(Self { name, zone })
    }

    /// The IANA name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The rules of the zone.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }
}

impl std::str::FromStr for VenueTimeZone {
    type Err = InvalidTimeZone;

    fn from_str(name: &str) -> Result<Self, InvalidTimeZone> {
        Self::new(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_looked_up() {
        assert_eq!(
            VenueTimeZone::new("Pacific/Auckland").unwrap().name(),
            "Pacific/Auckland"
        );
        assert!(VenueTimeZone::new("Mars/Olympus").is_err());
    }
}
