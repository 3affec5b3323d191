//! Which cameras of which venues are meant.

use citytrack_domain::{CameraName, CameraPattern, Slug};
use deadpool_postgres::GenericClient;

use crate::{Error, column};

/// Cameras of a venue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// The venue.
    pub venue: Slug,
    /// Only these of its cameras; empty: all of them.
    pub cameras: Vec<CameraPattern>,
}

/// A camera that is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selected {
    pub(crate) id: i32,
    pub(crate) venue: Slug,
    pub(crate) node: Slug,
    pub(crate) name: CameraName,
    pub(crate) title: Option<String>,
}

/// The cameras that are meant, by venue, node and name; those of retired nodes only where asked.
pub(crate) async fn cameras(
    client: &impl GenericClient,
    selections: &[Selection],
    retired: bool,
) -> Result<Vec<Selected>, Error> {
    let (mut venues, mut nodes, mut names) = (Vec::new(), Vec::new(), Vec::new());
    for Selection { venue, cameras } in selections {
        if cameras.is_empty() {
            venues.push(venue.as_str());
            nodes.push(None);
            names.push(None);
        }
        for pattern in cameras {
            venues.push(venue.as_str());
            nodes.push(pattern.node.as_ref().map(Slug::as_str));
            names.push(Some(pattern.camera.as_str()));
        }
    }
    let rows = client
        .query(
            "select venue, slug as node, camera.name, camera.id, camera.title
             from node join camera on camera.node_id = node.id
             where ($4 or node.retired_at is null) and exists (
                 select from unnest($1::text[], $2::text[], $3::text[]) as wanted (venue, node, camera)
                 where wanted.venue = node.venue and (wanted.node is null or wanted.node = node.slug)
                   and (wanted.camera is null or wanted.camera = camera.name))
             order by venue, node, camera.name",
            &[&venues, &nodes, &names, &retired],
        )
        .await?;
    let camera = |row: &tokio_postgres::Row| {
        Ok(Selected {
            id: row.try_get("id")?,
            venue: column::parsed(row, "venue")?,
            node: column::parsed(row, "node")?,
            name: column::parsed(row, "name")?,
            title: row.try_get("title")?,
        })
    };
    rows.iter().map(camera).collect()
}
