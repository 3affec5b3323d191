//! Domain values that differ only where a test cares.

use citytrack_domain::{
    Batch, BatchId, BoundingBox, CameraName, Class, Confidence, Detection, Frame, ImageSize, NodeIdentity, Slug,
    VenueTimeZone,
};
use citytrack_storage::{Change, Database, Error, audit::Actor, nodes, venues};
use jiff::Timestamp;
use uuid::Uuid;

/// A node called `north` of a venue.
pub fn identity(venue: &str, node_id: Uuid) -> NodeIdentity {
    NodeIdentity {
        id: node_id,
        node: Slug::new("north").unwrap(),
        venue: Slug::new(venue).unwrap(),
    }
}

/// A change that a test makes.
pub async fn change(database: &Database) -> Change {
    database.change(&Actor::command("test")).await.unwrap()
}

/// Makes a change as a test, and keeps it if it went well.
///
/// # Errors
/// Those of `work`.
pub async fn changed<T>(database: &Database, work: impl AsyncFnOnce(&Change) -> Result<T, Error>) -> Result<T, Error> {
    let change = change(database).await;
    let done = work(&change).await?;
    change.commit().await?;
    Ok(done)
}

/// Makes the venue `demo` with the node `north`.
pub async fn demo_node(database: &Database) -> NodeIdentity {
    let [venue, node] = ["demo", "north"].map(|slug| Slug::new(slug).unwrap());
    let zone = VenueTimeZone::new("Europe/Berlin").unwrap();
    let change = change(database).await;
    venues::create(&change, &venue, "Demo", &zone).await.unwrap();
    let node = nodes::create(&change, Uuid::now_v7(), &venue, &node, "North")
        .await
        .unwrap();
    change.commit().await.unwrap();
    identity("demo", node.id)
}

/// A batch with a new id, received at `at`.
pub fn batch(source: &NodeIdentity, at: Timestamp, frames: Vec<Frame>) -> Batch {
    Batch {
        id: BatchId::generate(at),
        source: source.clone(),
        received_at: at,
        position: None,
        agent: None,
        frames,
    }
}

/// A frame of 640×480 pixels.
pub fn frame(camera: &str, captured_at: Timestamp, detections: Vec<Detection>) -> Frame {
    Frame {
        camera: CameraName::new(camera).unwrap(),
        captured_at,
        number: None,
        size: Some(ImageSize {
            width: 640,
            height: 480,
        }),
        detections,
    }
}

/// A person whose box starts at `left`.
pub fn person(left: f64, track_id: Option<i64>) -> Detection {
    Detection {
        class: Class::new("person").unwrap(),
        confidence: Confidence::new(0.9).unwrap(),
        bounding_box: BoundingBox::new([left, 0.25, 0.125, 0.5]).unwrap(),
        track_id,
    }
}
