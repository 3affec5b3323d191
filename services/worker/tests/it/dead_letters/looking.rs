//! What is put aside, listing and showing it.

use super::*;

#[tokio::test]
async fn a_bad_batch_is_put_aside_alone_listed_and_shown() {
    let harness = Harness::new().await;
    let (first, bad, last) = (sample(&harness), sample(&harness), sample(&harness));
    let joined = [&encode(&first)[..], &broken(&bad), &encode(&last)].concat();
    harness.publish_bytes("detections.demo", joined).await;
    let before = Clock::System.now();
    let worker = harness.worker();
    harness.until("select count(*) from batch", 2).await;
    worker.stop().await;

    // However often it is looked at.
    for _ in 0..3 {
        let letters = list(&harness);
        assert_eq!(letters.len(), 1);
        let letter = &letters[0];
        assert_eq!(letter["reason"], "batch 1: classes has a bad name");
        assert_eq!((&letter["type"], &letter["batches"]), (&SCHEMA.into(), &1.into()));
        assert_eq!(letter["route"], "detections.demo");
        assert_eq!(letter["bytes"], broken(&bad).len());
        let since: jiff::Timestamp = letter["since"].as_str().unwrap().parse().unwrap();
        assert!(since >= before && since <= Clock::System.now());
    }
    let id = list(&harness)[0]["id"].as_str().unwrap().to_owned();
    let table = told(&harness, &["list"]);
    assert_eq!(table.lines().count(), 2);
    assert!(
        table.contains(&id) && table.contains("classes has a bad name"),
        "{table}"
    );

    let raw = std::env::temp_dir().join(unique_name());
    let shown: Value = serde_json::from_str(&told(&harness, &["show", &id, "--raw", raw.to_str().unwrap()])).unwrap();
    assert_eq!(shown["headers"]["x-citytrack-type"], SCHEMA);
    assert!(
        shown["content"]["batches"][0]["error"]
            .as_str()
            .unwrap()
            .contains("bad name")
    );
    assert_eq!(std::fs::read(&raw).unwrap(), broken(&bad));
    assert_eq!(run(&harness, &["show", &id, "--raw", "-"]).stdout, broken(&bad));
    // It does not overwrite a file.
    assert_eq!(
        run(&harness, &["show", &id, "--raw", raw.to_str().unwrap()])
            .status
            .code(),
        Some(1)
    );
    std::fs::remove_file(raw).unwrap();
}

#[tokio::test]
async fn a_message_that_cannot_be_told_apart_is_put_aside_whole() {
    let harness = Harness::new().await;
    // The first cannot be read at all, the second only as a message without a batch.
    for garbage in ["not protobuf at all", "xxxx"] {
        harness.publish_bytes("detections.demo", garbage.into()).await;
    }
    let _worker = harness.worker();
    let letters = listed(&harness, 2).await;
    let reasons: Vec<_> = letters
        .iter()
        .map(|letter| letter["reason"].as_str().unwrap())
        .collect();
    assert!(reasons[0].starts_with("not a message of the schema"), "{reasons:?}");
    assert_eq!(reasons[1], "it holds no batch");
    let shown: Value = serde_json::from_str(&told(&harness, &["show", letters[0]["id"].as_str().unwrap()])).unwrap();
    assert!(
        shown["content"]["hex"][0]
            .as_str()
            .unwrap()
            .ends_with("|not protobuf at |")
    );
}

#[tokio::test]
async fn the_list_says_when_there_is_more() {
    let harness = Harness::new().await;
    let payloads = (0..3).map(|number| vec![number; 10]).collect();
    put_aside(&harness, NEWER, payloads).await;
    let some = run(&harness, &["list", "--limit", "2"]);
    assert_eq!(String::from_utf8_lossy(&some.stdout).lines().count(), 3);
    assert_eq!(
        String::from_utf8_lossy(&some.stderr),
        "3 dead letters; 2 are listed, --limit lists more.\n"
    );
    assert_eq!(list(&harness).len(), 3);
}

#[tokio::test]
async fn wrong_use_and_a_broker_that_is_away_have_their_own_exit_codes() {
    let harness = Harness::new().await;
    for wrong in [
        &["replay"][..],
        &["replay", "--all", "0123456789ab"],
        &["drop"],
        &["show"],
        &[],
    ] {
        assert_eq!(run(&harness, wrong).status.code(), Some(2), "{wrong:?}");
    }
    for command in ["show", "replay"] {
        let unknown = run(&harness, &[command, "0123456789ab"]);
        assert_eq!(unknown.status.code(), Some(1));
        assert!(
            String::from_utf8_lossy(&unknown.stderr).contains("there is no dead letter 0123456789ab"),
            "{unknown:?}"
        );
    }
    let away = command(&harness, &["list"])
        .env("CITYTRACK_BROKER__URL", "amqp://nobody:nothing@127.0.0.1:1/none")
        .output()
        .unwrap();
    assert_eq!(away.status.code(), Some(1));
    let text = String::from_utf8_lossy(&away.stderr);
    assert!(
        text.starts_with("error: RabbitMQ: ") && !text.contains("nothing"),
        "{text}"
    );
}
