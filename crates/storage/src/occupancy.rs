//! Who is there now: the latest frame of each camera.

use std::time::Duration;

use citytrack_domain::{CameraName, Class, Slug};
use jiff::Timestamp;

use crate::{
    Database, Error, recent,
    selection::{self, Selection},
};

/// A camera and what is known of it now.
#[derive(Clone, Debug, PartialEq)]
pub struct CameraNow {
    /// Its venue.
    pub venue: Slug,
    /// Its node.
    pub node: Slug,
    /// Its name within the node.
    pub camera: CameraName,
    /// Its name for people, if somebody gave it one.
    pub title: Option<String>,
    /// `None`: it sent nothing in the last days.
    pub latest: Option<Latest>,
}

/// What a camera showed last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latest {
    /// Objects of the class in its latest frame.
    pub objects: i32,
    /// When that frame was taken, by the node's clock.
    pub captured_at: Timestamp,
    /// When something of the camera came in last, by our clock.
    pub received_at: Timestamp,
    /// How often something of it comes in; `None`: only once so far.
    pub usual_interval: Option<Duration>,
}

/// The latest frame of each selected camera of the nodes that are not retired, by venue, node and name.
///
/// # Errors
/// When PostgreSQL cannot be asked.
pub async fn now(
    database: &Database,
    selections: &[Selection],
    class: &Class,
    now: Timestamp,
) -> Result<Vec<CameraNow>, Error> {
    database
        .in_time(async {
            let client = database.client().await?;
            let cameras = selection::cameras(&client, selections, false).await?;
            let ids: Vec<i32> = cameras.iter().map(|camera| camera.id).collect();
            let recent = recent::of_cameras(&client, &ids, Some(class), now).await?;
            let cameras = cameras.into_iter().map(|camera| CameraNow {
                latest: recent.get(&camera.id).and_then(latest),
                venue: camera.venue,
                node: camera.node,
                camera: camera.name,
                title: camera.title,
            });
            Ok(cameras.collect())
        })
        .await
}

fn latest(recent: &recent::Recent) -> Option<Latest> {
    let frame = recent.latest()?;
    Some(Latest {
        objects: frame.objects,
        captured_at: frame.captured_at,
        received_at: recent.last_received_at()?,
        usual_interval: recent.usual_interval(),
    })
}
