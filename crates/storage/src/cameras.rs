//! Cameras: they appear with their first frame; people give them a title.

use citytrack_domain::{CameraName, Slug};
use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{Change, Database, Error, column, venues};

/// One image source of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Camera {
    /// Number within this installation.
    pub id: i32,
    /// The node it belongs to.
    pub node: Uuid,
    /// That node's slug.
    pub node_slug: Slug,
    /// Its name within the node, given by the node.
    pub name: CameraName,
    /// Its name for people, if somebody gave it one.
    pub title: Option<String>,
    /// When its first frame came in.
    pub first_seen_at: Timestamp,
}

const CAMERA: &str =
    "select camera.id, camera.node_id, node.slug as node_slug, camera.name, camera.title, camera.first_seen_at
     from camera join node on node.id = camera.node_id";

/// The cameras of a venue by node and name, also those of retired nodes: their counts are still there.
///
/// # Errors
/// [`Error::NotFound`] when there is no such venue.
pub async fn list(db: &Database, venue: &Slug) -> Result<Vec<Camera>, Error> {
    let statement = format!("{CAMERA} where node.venue = $1 order by node.slug, camera.name");
    let rows = db.client().await?.query(&statement, &[&venue.as_str()]).await?;
    if rows.is_empty() {
        venues::get(db, venue).await?;
    }
    rows.iter().map(camera).collect()
}

/// Gives a camera a title, or takes it away.
///
/// # Errors
/// [`Error::NotFound`] when the venue has no such camera.
pub async fn set_title(change: &Change, venue: &Slug, id: i32, title: Option<&str>) -> Result<Camera, Error> {
    let changed = change
        .execute(
            "update camera set title = $3 from node where node.id = camera.node_id and node.venue = $1 and camera.id = $2",
            &[&venue.as_str(), &id, &title],
        )
        .await?;
    if changed == 0 {
        venues::find(change, venue).await?;
        return Err(Error::NotFound(format!("the venue {venue} has no camera {id}")));
    }
    camera(
        &change
            .query_one(&format!("{CAMERA} where camera.id = $1"), &[&id])
            .await?,
    )
}

fn camera(row: &Row) -> Result<Camera, Error> {
    Ok(Camera {
        id: row.try_get("id")?,
        node: row.try_get("node_id")?,
        node_slug: column::parsed(row, "node_slug")?,
        name: column::parsed(row, "name")?,
        title: row.try_get("title")?,
        first_seen_at: row.try_get("first_seen_at")?,
    })
}
