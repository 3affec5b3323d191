//! Dead letters of pictures, which hold originals.

use bytes::Bytes;
use citytrack_broker::topology::{IMAGES, TRANSFORM};
use citytrack_messages::images::{UPLOAD, decode_upload, encode_upload};

use super::*;
use crate::pictures::{inbox, publish, upload};

const SECRET: &[u8] = b"a face that nobody may see";

fn pictures(harness: &Harness) -> Vec<Value> {
    let lines = told(harness, &["list", "--pictures", "--format", "json"]);
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn they_are_listed_and_shown_without_the_picture_replayed_and_dropped() {
    let harness = Harness::new().await;
    let upload = upload(&harness, SECRET);
    let letters = vec![encode_upload(&upload), Bytes::from_static(SECRET)];
    publish(&harness, IMAGES.dead_letter_exchange, letters).await;
    assert_eq!(list(&harness).len(), 0, "none of detections");
    let letters = pictures(&harness);
    let ids: Vec<_> = letters.iter().map(|letter| letter["id"].as_str().unwrap()).collect();
    assert_eq!((ids.len(), &letters[0]["type"]), (2, &UPLOAD.into()));

    // Also one that cannot be read.
    for (id, known) in [(ids[0], true), (ids[1], false)] {
        let text = told(&harness, &["show", "--pictures", id]);
        let shown: Value = serde_json::from_str(&text).unwrap();
        let picture = &shown["content"]["picture"];
        assert_eq!(picture["image_id"] == upload.image.id.to_string(), known, "{text}");
        assert_eq!(picture.is_null(), !known);
        assert!(!text.contains("a face") && !text.contains("61 20 66 61"), "{text}");
        let raw = run(&harness, &["show", "--pictures", id, "--raw", "-"]);
        assert_eq!((raw.status.code(), raw.stdout), (Some(2), Vec::new()));
    }

    told(&harness, &["replay", "--pictures", ids[0]]);
    let back = inbox(&harness, TRANSFORM.name).next(1, usize::MAX).await.pop().unwrap();
    assert_eq!(back.kind.as_deref(), Some(UPLOAD));
    assert_eq!(decode_upload(back.payload).unwrap(), upload);
    told(&harness, &["drop", "--pictures", ids[1], "--yes"]);
    assert_eq!(pictures(&harness).len(), 0);
}
