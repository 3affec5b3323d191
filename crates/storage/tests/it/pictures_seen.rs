//! What is known to be on a picture that came without boxes.

use citytrack_domain::{CameraName, Frame};
use citytrack_storage::{
    batches::BatchWriter,
    images::{Seen, detections_at},
};
use citytrack_testkit::{TestDatabase, batch, demo_node, frame, person};

use crate::pictures::noon;

/// What is known of noon at the door, after each of these batches of one frame: how many frames, and where people stand.
async fn seen_after(batches: impl IntoIterator<Item = Frame>) -> Vec<Option<(i64, Vec<f64>)>> {
    let test = TestDatabase::create().await;
    let source = demo_node(&test.database).await;
    let mut writer = BatchWriter::new(test.database.clone());
    let mut all = Vec::new();
    for sent in batches {
        writer.insert(&[batch(&source, noon(), vec![sent])]).await.unwrap();
        let door = CameraName::new("door").unwrap();
        let seen = detections_at(&test.database, source.id, &door, noon()).await.unwrap();
        all.push(seen.map(|Seen { frames, detections }| {
            let left = |person: citytrack_domain::Detection| f64::from(person.bounding_box.parts()[0]);
            let mut left: Vec<f64> = detections.into_iter().map(left).collect();
            left.sort_by(f64::total_cmp);
            (frames, left)
        }));
    }
    all
}

#[tokio::test]
async fn all_frames_of_the_moment_count_and_only_they() {
    let of = |left: &[f64]| {
        let people = left.iter().map(|left| person(*left, None)).collect();
        frame("door", noon(), people)
    };
    let seen = seen_after([
        frame("hall", noon(), vec![person(0.75, None)]),
        frame(
            "door",
            noon() + jiff::SignedDuration::from_millis(1),
            vec![person(0.75, None)],
        ),
        of(&[]),
        of(&[0.125, 0.5]),
        of(&[0.25]),
        // The same frame once more.
        of(&[0.125, 0.5]),
    ]);
    let expected = [
        None,
        None,
        Some((1, vec![])),
        Some((2, vec![0.125, 0.5])),
        Some((3, vec![0.125, 0.25, 0.5])),
        Some((4, vec![0.125, 0.25, 0.5])),
    ];
    assert_eq!(seen.await, expected);
}
