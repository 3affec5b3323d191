//! Which cameras a question is about, and which of them are counted together.

use citytrack_domain::{CameraName, Slug};
use deadpool_postgres::Transaction;
use jiff::tz::TimeZone;

use super::Grouping;
use crate::{Error, Selection, rollup, selection};

/// Cameras that are counted together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) venue: Option<Slug>,
    pub(super) camera: Option<(Slug, CameraName)>,
}

/// What a question is about, in numbers.
pub(super) struct Resolved {
    pub(super) groups: Vec<Group>,
    /// The ids of all cameras, and for each the number of its group.
    pub(super) cameras: Vec<i32>,
    pub(super) group_of: Vec<i32>,
    /// The zones of the venues' roll-ups; `None` where one has none.
    pub(super) zones: Vec<Option<TimeZone>>,
}

pub(super) async fn resolve(
    snapshot: &Transaction<'_>,
    selections: &[Selection],
    grouping: Grouping,
) -> Result<Resolved, Error> {
    let mut resolved = Resolved {
        groups: Vec::new(),
        cameras: Vec::new(),
        group_of: Vec::new(),
        zones: Vec::new(),
    };
    for selection in selections {
        resolved.zones.push(rollup::zone_of(snapshot, &selection.venue).await?);
    }
    if !grouping.camera {
        resolved.groups = groups_without_cameras(selections, grouping);
    }
    for camera in selection::cameras(snapshot, selections, true).await? {
        let group = if grouping.camera {
            resolved.groups.push(Group {
                venue: Some(camera.venue),
                camera: Some((camera.node, camera.name)),
            });
            resolved.groups.len() - 1
        } else {
            let venue = Some(camera.venue).filter(|_| grouping.venue);
            let place = resolved.groups.iter().position(|group| group.venue == venue);
            place.ok_or_else(|| Error::Corrupt("a camera of a venue that nobody asked for".to_owned()))?
        };
        resolved.cameras.push(camera.id);
        resolved.group_of.push(i32::try_from(group).unwrap_or(i32::MAX));
    }
    Ok(resolved)
}

fn groups_without_cameras(selections: &[Selection], grouping: Grouping) -> Vec<Group> {
    if !grouping.venue {
        return vec![Group::default()];
    }
    let of_venue = |selection: &Selection| Group {
        venue: Some(selection.venue.clone()),
        camera: None,
    };
    selections.iter().map(of_venue).collect()
}
