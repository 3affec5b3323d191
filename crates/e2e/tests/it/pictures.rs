//! A picture all the way: upload → transformed → saved → seen; and what nobody may find of it afterwards.

use citytrack_domain::Clock;
use citytrack_e2e::{ADMINISTRATOR, Setup, System, photograph};
use citytrack_testkit::{eventually, ready_messages};
use reqwest::{Method, Response};
use serde_json::{Value, json};

async fn upload(system: &System, key: &str, query: &str, picture: Vec<u8>) -> Response {
    let path = format!("/api/v1/images?{query}");
    system
        .request(Method::POST, &path, key)
        .body(picture)
        .send()
        .await
        .unwrap()
}

/// What is known about the picture at `location`, as soon as it is in this state.
async fn details(system: &System, token: &str, location: &str, state: &str) -> Value {
    eventually(&format!("the picture is {state}"), async || {
        let answer = system
            .request(Method::GET, &format!("{location}/details"), token)
            .send()
            .await
            .unwrap();
        let details: Value = answer.json().await.unwrap();
        (details["state"] == state).then_some(details)
    })
    .await
}

fn location(answer: &Response) -> String {
    answer.headers()["location"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_picture_is_anonymised_saved_and_seen_and_its_original_is_gone() {
    let system = Setup::new().await.pictures().start().await;
    let (key, token) = (system.venue("demo").await, system.viewer_token("demo").await);
    let boxes = json!([{ "class": "person", "confidence": 0.9, "box": [0.25, 0.25, 0.5, 0.5] }]);
    let answer = upload(
        &system,
        &key,
        &format!("wait=20s&camera=entrance&boxes={boxes}"),
        photograph(),
    )
    .await;
    assert_eq!(answer.status(), 200);
    let location = location(&answer);
    let anonymised = answer.bytes().await.unwrap();
    assert!(anonymised.starts_with(b"\xff\xd8\xff"), "a JPEG");

    let details = details(&system, &token, &location, "ready").await;
    assert_eq!(
        (&details["camera"], &details["boxes_from"]),
        (&json!("entrance"), &json!("upload"))
    );
    let seen = system.request(Method::GET, &location, &token).send().await.unwrap();
    assert_eq!(seen.status(), 200);
    assert_eq!(seen.bytes().await.unwrap(), anonymised);
    let variants = "select count(*) from image_variant where variant <> 'original'";
    assert_eq!(system.number(variants).await, 3);
    assert_eq!(
        system
            .number("select count(*) from image_variant where variant = 'original'")
            .await,
        0
    );
    let servers = system.servers();
    for queue in ["citytrack.transform", "citytrack.save", "citytrack.images.dead"] {
        assert_eq!(
            ready_messages(&servers.management, &servers.broker, queue, 1).await,
            0,
            "{queue}"
        );
    }
}

#[tokio::test]
async fn the_detections_of_the_same_moment_are_used_and_nobody_known_is_everybody_hidden() {
    let system = Setup::new().await.pictures().start().await;
    let (key, token) = (system.venue("demo").await, system.viewer_token("demo").await);
    let at = Clock::System.now().to_string();
    let about = format!("camera=entrance&captured_at={at}");
    let answer = upload(&system, &key, &about, photograph()).await;
    assert_eq!(answer.status(), 202);
    // The detections come after the picture.
    let batch = json!({ "frames": [{ "camera": "entrance", "captured_at": at,
        "detections": [{ "class": "person", "confidence": 0.5, "box": [0.25, 0.25, 0.5, 0.5] }] }] });
    let posted = system
        .request(Method::POST, "/api/v1/detections", &key)
        .json(&batch)
        .send()
        .await
        .unwrap();
    assert_eq!(posted.status(), 202);
    let known = details(&system, &token, &location(&answer), "ready").await;
    assert_eq!(known["boxes_from"], "detections", "{known}");
    assert_eq!(known["boxes"][0]["class"], "person");

    let answer = upload(&system, &key, "", photograph()).await;
    let unknown = details(&system, &token, &location(&answer), "ready").await;
    assert_eq!(
        (&unknown["boxes_from"], &unknown["boxes"]),
        (&json!("none"), &Value::Null)
    );
}

#[tokio::test]
async fn a_picture_that_is_broken_fails_alone_and_a_repeated_one_is_one() {
    let system = Setup::new().await.pictures().start().await;
    let (key, token) = (system.venue("demo").await, system.viewer_token("demo").await);
    let half = photograph()[..40_000].to_vec();
    let answer = upload(&system, &key, "wait=20s", half).await;
    assert_eq!(answer.status(), 422);
    system
        .until("select count(*) from image where state = 'failed'", 1)
        .await;
    let servers = system.servers();
    eventually("the upload is put aside", async || {
        (ready_messages(&servers.management, &servers.broker, "citytrack.images.dead", 2).await == 1).then_some(())
    })
    .await;
    let id = citytrack_domain::ImageId::generate(Clock::System.now());
    for _ in 0..3 {
        let answer = upload(&system, &key, &format!("id={id}"), photograph()).await;
        assert_eq!(answer.status(), 202);
        details(&system, &token, &location(&answer), "ready").await;
    }
    assert_eq!(
        system.number("select count(*) from image where state = 'ready'").await,
        1
    );
    system.roles[1]
        .metric_above_zero("citytrack_save_images_total", "duplicate")
        .await;
}

#[tokio::test]
async fn pictures_in_a_directory_go_all_the_way_and_away_again() {
    let directory = tempfile::tempdir().unwrap();
    let store = format!("file://{}", directory.path().display());
    let mut setup = Setup::new().await.pictures();
    for service in ["save", "stats", "console"] {
        setup = setup.set(service, "CITYTRACK_IMAGES__STORE", &store);
    }
    setup = setup.set("save", "CITYTRACK_SAVE__RETENTION_INTERVAL", "200ms");
    let system = setup.start().await;
    let (key, token) = (system.venue("demo").await, system.viewer_token("demo").await);
    let keep = json!({ "images": { "originals": "1d" } });
    system.control(Method::PATCH, "/api/v1/venues/demo", &keep).await;
    let answer = upload(&system, &key, "wait=20s", photograph()).await;
    let location = location(&answer);
    let anonymised = answer.bytes().await.unwrap();
    details(&system, &token, &location, "ready").await;
    assert_eq!(
        system
            .number("select count(*) from image_variant where data is null")
            .await,
        4,
        "three forms and the original"
    );
    let seen = system.request(Method::GET, &location, &token).send().await.unwrap();
    assert_eq!(seen.bytes().await.unwrap(), anonymised);
    let original = location.replace("/images/", "/originals/");
    let seen = system
        .request(Method::GET, &original, ADMINISTRATOR)
        .send()
        .await
        .unwrap();
    assert_eq!(seen.bytes().await.unwrap(), photograph());

    let client = citytrack_testkit::database(&system.servers().database)
        .client()
        .await
        .unwrap();
    client
        .batch_execute("update venue set image_retention = '1 microsecond'")
        .await
        .unwrap();
    system.until("select count(*) from image_variant", 0).await;
    eventually("the directory is empty", async || {
        let left = std::fs::read_dir(directory.path()).unwrap().count();
        (left == 0).then_some(())
    })
    .await;
}
