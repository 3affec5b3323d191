//! Which cameras a question is about, and which of them are counted together.

use citytrack_domain::{CameraName, CameraPattern, Slug};
use jiff::tz::TimeZone;

use super::Grouping;
use crate::{Client, Error, column, rollup};

/// Cameras of a venue.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The venue.
    pub venue: Slug,
    /// Only these cameras; empty: all of them.
    pub cameras: Vec<CameraPattern>,
}

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

pub(super) async fn resolve(client: &Client, scopes: &[Scope], grouping: Grouping) -> Result<Resolved, Error> {
    let mut resolved = Resolved {
        groups: Vec::new(),
        cameras: Vec::new(),
        group_of: Vec::new(),
        zones: Vec::new(),
    };
    if !grouping.camera && !grouping.venue {
        resolved.groups.push(Group::default());
    }
    for scope in scopes {
        resolved.zones.push(rollup::zone_of(client, &scope.venue).await?);
        if grouping.venue && !grouping.camera {
            resolved.groups.push(Group {
                venue: Some(scope.venue.clone()),
                camera: None,
            });
        }
        for (id, node, name) in cameras(client, scope).await? {
            if grouping.camera {
                resolved.groups.push(Group {
                    venue: Some(scope.venue.clone()),
                    camera: Some((node, name)),
                });
            }
            resolved.cameras.push(id);
            let group = i32::try_from(resolved.groups.len()).unwrap_or(i32::MAX) - 1;
            resolved.group_of.push(group);
        }
    }
    Ok(resolved)
}

/// The cameras that are meant, by node and name.
async fn cameras(client: &Client, scope: &Scope) -> Result<Vec<(i32, Slug, CameraName)>, Error> {
    let nodes: Vec<_> = scope
        .cameras
        .iter()
        .map(|wanted| wanted.node.as_ref().map(Slug::as_str))
        .collect();
    let names: Vec<_> = scope.cameras.iter().map(|wanted| wanted.camera.as_str()).collect();
    let statement = client
        .prepare_cached(
            "select camera.id, node.slug as node, camera.name from camera join node on node.id = camera.node_id
             where node.venue = $1 and (cardinality($3::text[]) = 0 or exists (
                 select from unnest($2::text[], $3::text[]) as wanted (node, camera)
                 where wanted.camera = camera.name and (wanted.node is null or wanted.node = node.slug)))
             order by node.slug, camera.name",
        )
        .await?;
    let rows = client
        .query(&statement, &[&scope.venue.as_str(), &nodes, &names])
        .await?;
    rows.iter()
        .map(|row| {
            Ok((
                row.try_get("id")?,
                column::parsed(row, "node")?,
                column::parsed(row, "name")?,
            ))
        })
        .collect()
}
