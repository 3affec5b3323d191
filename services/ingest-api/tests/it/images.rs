//! Good pictures, and too many of them.

use citytrack_access::UploadTokens;
use citytrack_broker::Inbox;
use citytrack_domain::{ImageId, NodeIdentity, Slug};
use citytrack_messages::images::{Upload, decode_upload};
use citytrack_testkit::{eventually, limit_queue};
use reqwest::Response;
use serde_json::{Value, json};

use crate::{
    bad_images::form,
    harness::{Harness, body, now, png},
    limits::{HARDLY_ANY, another_node, limited_by, post_as},
};

pub(crate) async fn take_uploads(queue: &mut Inbox, count: usize) -> Vec<Upload> {
    let mut uploads = Vec::new();
    while uploads.len() < count {
        for delivery in queue.next(100, usize::MAX).await {
            uploads.push(decode_upload(delivery.payload).unwrap());
        }
        queue.settle().await;
    }
    uploads
}

const BOXES: &str = r#"[{"class":"person","confidence":0.5,"box":[0.25,0.25,0.5,0.5],"track_id":3}]"#;

/// How the row of a picture is: venue, camera, state.
async fn row(harness: &Harness, id: ImageId) -> (String, Option<String>, String) {
    let client = harness.database.database.client().await.unwrap();
    let question = "select venue, camera, state from image where id = $1";
    let row = client.query_one(question, &[&id.uuid()]).await.unwrap();
    (row.get(0), row.get(1), row.get(2))
}

async fn accepted(answer: Response) -> ImageId {
    let (status, location) = (answer.status(), answer.headers()["location"].clone());
    let told: Value = answer.json().await.unwrap();
    assert_eq!((status.as_u16(), &told["status"]), (202, &json!("received")), "{told}");
    assert_eq!(location, format!("/api/v1/images/{}", told["id"].as_str().unwrap()));
    ImageId::parse(told["id"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn what_is_answered_202_is_in_the_queue_with_all_that_was_said() {
    let harness = Harness::start_for_images(&[]).await;
    let mut queue = harness.image_queue();
    let (id, at) = (ImageId::generate(now()), now());
    let fields = [
        ("camera", "entrance"),
        ("captured_at", &at.to_string()),
        ("frame", "1042"),
        ("boxes", BOXES),
    ];
    let picture = png(64, 48);
    let query = fields.map(|(name, text)| format!("{name}={text}")).join("&");
    let raw = harness
        .upload(&query, picture.clone())
        .header("Idempotency-Key", id.uuid().to_string());
    let parts = fields.map(|(name, text)| (name, text.as_bytes()));
    let key = id.uuid().to_string();
    let parts = [&parts[..], &[("id", key.as_bytes()), ("picture", &picture)]].concat();
    let as_form = form(harness.image_request("").bearer_auth(&harness.key), &parts, true);
    for request in [raw, as_form] {
        assert_eq!(accepted(request.send().await.unwrap()).await, id);
        let uploads = take_uploads(&mut queue, 1).await;
        let [upload] = &uploads[..] else {
            panic!("{}", uploads.len())
        };
        assert_eq!((upload.image.id, upload.image.source.id), (id, harness.node));
        assert_eq!(
            (upload.image.source.venue.as_str(), upload.image.source.node.as_str()),
            ("demo", "north")
        );
        assert_eq!(upload.image.camera.as_ref().unwrap().as_str(), "entrance");
        assert_eq!(
            (upload.image.captured_at.as_microsecond(), upload.image.frame),
            (at.as_microsecond(), Some(1042))
        );
        assert_eq!(upload.boxes.as_ref().unwrap()[0].class.as_str(), "person");
        assert_eq!(
            (upload.image.media_type.as_str(), &upload.answer_to),
            ("image/png", &None)
        );
        assert_eq!(upload.picture, picture);
        assert_eq!(
            row(&harness, id).await,
            ("demo".to_owned(), Some("entrance".to_owned()), "received".to_owned())
        );
    }
}

#[tokio::test]
async fn nothing_has_to_be_said_about_a_picture() {
    let harness = Harness::start_for_images(&[]).await;
    let mut queue = harness.image_queue();
    let before = now();
    let answer = harness
        .upload("camera=", png(8, 8))
        .header("Content-Type", "text/plain")
        .send()
        .await
        .unwrap();
    let id = accepted(answer).await;
    let upload = &take_uploads(&mut queue, 1).await[0];
    assert_eq!(upload.image.id, id);
    assert!(upload.image.camera.is_none() && upload.boxes.is_none() && upload.image.frame.is_none());
    assert!(
        upload.image.captured_at.as_second() >= before.as_second(),
        "when it came in"
    );
}

#[tokio::test]
async fn a_picture_is_accepted_while_the_database_is_away() {
    let harness = Harness::start_for_images(&[]).await;
    let mut queue = harness.image_queue();
    accepted(harness.upload("", png(8, 8)).send().await.unwrap()).await;
    harness.database.shut().await;
    let id = accepted(harness.upload("", png(8, 8)).send().await.unwrap()).await;
    assert_eq!(take_uploads(&mut queue, 2).await[1].image.id, id);
    harness.database.reopen().await;
}

#[tokio::test]
async fn a_flood_of_a_node_is_slowed_down_and_its_batches_are_not() {
    let harness = Harness::start_for_images(&["--rate-image-bytes", HARDLY_ANY]).await;
    let answer = harness.upload("", png(8, 8)).send().await.unwrap();
    assert!(
        answer.headers()["ratelimit"]
            .to_str()
            .unwrap()
            .starts_with("\"images\";r=")
    );
    let refused = harness.upload("", png(8, 8)).send().await.unwrap();
    assert_eq!(limited_by(refused).await, "image-bytes");
    assert_eq!(post_as(&harness, &harness.key).await.status(), 202);
    let neighbour = another_node(&harness).await;
    let answer = harness
        .image_request("")
        .bearer_auth(neighbour)
        .body(png(8, 8))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 202);
}

#[tokio::test]
async fn a_full_queue_of_pictures_refuses_pictures_alone() {
    let harness = Harness::start_for_images(&["--rate-images", "0", "--rate-image-bytes", "0"]).await;
    limit_queue(&harness.vhost.management(), &harness.vhost.url(), "transform", 50_000).await;
    let full = eventually("the queue is full", async || {
        let answer = harness.upload("", png(300, 300)).send().await.unwrap();
        Some(answer).filter(|answer| answer.status() != 202)
    })
    .await;
    assert_eq!(full.status(), 503);
    assert!(full.headers().contains_key("retry-after"));
    assert_eq!(full.json::<Value>().await.unwrap()["reason"], "refused");
    assert_eq!(harness.post(&body()).send().await.unwrap().status(), 202);
}

#[tokio::test]
async fn an_operator_sends_for_a_node_with_an_upload_token() {
    const SECRET: &str = "viewer-secret-of-the-tests-0123456789";
    let harness = Harness::start_for_images(&["--viewer-secret", SECRET]).await;
    let mut queue = harness.image_queue();
    let node = |id| NodeIdentity {
        id,
        node: Slug::new("north").unwrap(),
        venue: Slug::new("demo").unwrap(),
    };
    let token = |secret: &str, at| {
        let tokens = UploadTokens::new(&secret.to_owned().into());
        tokens.issue(&node(harness.node), jiff::Timestamp::MAX, at).unwrap().0
    };
    let send = async |token: String| {
        let request = harness.image_request("").bearer_auth(token).body(png(8, 8));
        request.send().await.unwrap()
    };
    let id = accepted(send(token(SECRET, now())).await).await;
    let upload = &take_uploads(&mut queue, 1).await[0];
    assert_eq!((upload.image.id, upload.image.source.id), (id, harness.node));
    let old = now() - jiff::SignedDuration::from_mins(16);
    for wrong in [
        token(SECRET, old),
        token("another-secret-of-the-tests-0123456789", now()),
    ] {
        assert_eq!(send(wrong).await.status(), 401);
    }
    // It is good for nothing else.
    let batch = harness.request().bearer_auth(token(SECRET, now())).json(&body());
    assert_eq!(batch.send().await.unwrap().status(), 401);
}
