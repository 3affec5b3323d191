//! What is left of a picture: nothing of an original that is discarded, nothing at all when its time is over, and of one that
//! cannot be transformed the reason.

use std::{fs, path::Path, time::Duration};

use citytrack_broker::{Options, Tray, topology::IMAGES};
use citytrack_e2e::{Servers, Setup, System, photograph, picture};
use citytrack_testkit::{PostgresOptions, PrivateBroker, PrivatePostgres, eventually, eventually_within, stays_empty};
use reqwest::{Method, Response};
use serde_json::Value;

/// Bytes that no other picture has in a row.
const RUN: usize = 32;

async fn upload(system: &System, key: &str, query: &str, picture: Vec<u8>) -> Response {
    let path = format!("/api/v1/images?{query}");
    let request = system.request(Method::POST, &path, key).body(picture);
    request.send().await.unwrap()
}

/// Distinctive runs of bytes from all over the second half of a JPEG, where there is nothing but its entropy-coded data. Many,
/// since PostgreSQL cuts long values into pieces.
fn runs(picture: &[u8]) -> Vec<&[u8]> {
    let distinct = |run: &&[u8]| run.iter().collect::<std::collections::BTreeSet<_>>().len() > RUN / 2;
    let runs: Vec<_> = picture[picture.len() / 2..]
        .chunks_exact(RUN)
        .filter(distinct)
        .step_by(2)
        .collect();
    assert!(runs.len() > 20, "{} runs", runs.len());
    runs
}

/// How many of the runs are in these bytes.
fn found(bytes: &[u8], runs: &[&[u8]]) -> usize {
    let pair = |run: &[u8]| usize::from(run[0]) << 8 | usize::from(run[1]);
    let mut beginnings = vec![false; 1 << 16];
    for run in runs {
        beginnings[pair(run)] = true;
    }
    let begins = |window: &&[u8]| beginnings[pair(window)];
    let windows = bytes.windows(RUN).filter(begins);
    windows.filter(|window| runs.contains(window)).count()
}

/// How many are in the files of a folder and those below.
fn found_below(folder: &Path, runs: &[&[u8]]) -> usize {
    // Sockets cannot be read, and some files and folders go while we look.
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let search = |path: std::path::PathBuf| {
        if path.is_dir() {
            found_below(&path, runs)
        } else {
            fs::read(&path).map_or(0, |bytes| found(&bytes, runs))
        }
    };
    entries.map(|entry| search(entry.path())).sum()
}

/// How many rows of the database have one, in whatever column of whatever table.
async fn rows_with(system: &System, runs: &[&[u8]]) -> i64 {
    let client = system.database.client().await.unwrap();
    let tables = "select oid::regclass::text from pg_class where relkind in ('r', 'm') and relnamespace = 'public'::regnamespace";
    let mut rows = 0;
    for table in client.query(tables, &[]).await.unwrap() {
        let table: String = table.get(0);
        let question = format!(
            "select count(*) from {table} as line where exists (
                select from unnest($1::bytea[]) as run where position(encode(run, 'hex') in line::text) > 0)"
        );
        let here: i64 = client.query_one(&question, &[&runs]).await.unwrap().get(0);
        rows += here;
    }
    rows
}

/// RabbitMQ keeps what was acknowledged until its write-ahead log begins a new file and another picture has come. Uploads others until
/// then, and says how many.
async fn gone_from_the_broker(
    system: &System,
    rabbitmq: &mut PrivateBroker,
    key: &str,
    gone: &[&[u8]],
    other: &[u8],
) -> i64 {
    assert!(found_below(rabbitmq.folder(), gone) > 0, "what it has is found");
    rabbitmq.ctl("eval ra_log_wal:force_roll_over(ra_log_wal).").await;
    let mut others = 0;
    let within = Duration::from_secs(60);
    eventually_within(within, "the original is gone from RabbitMQ's files", async || {
        others += 1;
        let answer = upload(system, key, "wait=20s", other.to_vec()).await;
        assert_eq!(answer.status(), 200);
        (found_below(rabbitmq.folder(), gone) == 0).then_some(())
    })
    .await;
    others
}

#[tokio::test]
async fn no_byte_of_a_discarded_original_is_left() {
    let postgres = PrivatePostgres::start(PostgresOptions::default());
    let (postgres, mut rabbitmq) = tokio::join!(postgres, PrivateBroker::start());
    let servers = Servers::given(&postgres.url(), &rabbitmq.url(), &rabbitmq.management());
    let mut system = Setup::on(servers).pictures().role("journal").start().await;
    let key = system.venue("demo").await;
    // All but the top, so that the second half of its data is of what is hidden: the rest of the picture stays as it was sent.
    let boxes = r#"[{"class":"person","confidence":0.9,"box":[0,0.25,1,0.75]}]"#;
    let original = photograph();
    let answer = upload(&system, &key, &format!("wait=20s&boxes={boxes}"), original.clone()).await;
    assert_eq!(answer.status(), 200);
    let anonymised = answer.bytes().await.unwrap();
    // And one of which nobody knows what is on it.
    assert_eq!(upload(&system, &key, "", original.clone()).await.status(), 202);
    system
        .until("select count(*) from image where state = 'ready'", 2)
        .await;
    system
        .until("select count(*) from journal where exchange = 'citytrack.images'", 5)
        .await;
    let gone = runs(&original);
    let others = gone_from_the_broker(&system, &mut rabbitmq, &key, &gone, &anonymised).await;
    system
        .until("select count(*) from image where state = 'ready'", 2 + others)
        .await;
    system
        .until(
            "select count(*) from journal where exchange = 'citytrack.images'",
            5 + 3 * others,
        )
        .await;
    // What they hold goes back into the queues.
    for role in &mut system.roles {
        assert!(role.terminate().await.success());
    }

    let kept = runs(&anonymised);
    assert!(rows_with(&system, &kept).await > 0, "what is stored is found");
    assert_eq!(rows_with(&system, &gone).await, 0, "rows with the original");
    let client = system.database.client().await.unwrap();
    client.batch_execute("checkpoint").await.unwrap();
    assert!(
        found_below(postgres.folder(), &kept) > 0,
        "what is stored is found in its files"
    );
    assert_eq!(
        found_below(postgres.folder(), &gone),
        0,
        "the original in PostgreSQL's files"
    );
    let Servers { broker, management, .. } = system.servers();
    // Pictures never come into the journal's other queue, which goes on to gather what services tell each other.
    for queue in ["transform", "save", "images.dead", "journal.images"] {
        let queue = format!("citytrack.{queue}");
        assert!(stays_empty(management, broker, &queue).await, "{queue}");
    }
}

/// What is known about the picture of an answer, as soon as it is in this state.
async fn details(system: &System, token: &str, location: &str, state: &str) -> Value {
    eventually(&format!("the picture is {state}"), async || {
        let request = system.request(Method::GET, &format!("{location}/details"), token);
        let details: Value = request.send().await.unwrap().json().await.unwrap();
        (details["state"] == state).then_some(details)
    })
    .await
}

fn location(answer: &Response) -> String {
    answer.headers()["location"].to_str().unwrap().to_owned()
}

/// The only dead letter: why it is one.
async fn reason_of_the_dead_letter(system: &System) -> String {
    let options = Options {
        url: system.servers().broker.clone(),
        name: "test".to_owned(),
        heartbeat: Duration::from_secs(5),
        topology: IMAGES,
    };
    let tray = Tray::open(&options).await.unwrap();
    let letter = eventually("there is a dead letter", async || tray.take().await.unwrap()).await;
    assert!(tray.take().await.unwrap().is_none(), "there is one dead letter");
    letter.headers["x-citytrack-reason"].clone()
}

#[tokio::test]
async fn a_picture_that_cannot_be_decoded_fails_with_its_reason_and_hurts_no_other() {
    let system = Setup::new().await.pictures().start().await;
    let (key, token) = (system.venue("demo").await, system.viewer_token("demo").await);
    let broken = photograph()[..40_000].to_vec();
    let [first, bad, last] = [photograph(), broken, photograph()].map(|picture| upload(&system, &key, "", picture));
    let (first, bad, last) = tokio::join!(first, bad, last);
    for good in [first, last] {
        details(&system, &token, &location(&good), "ready").await;
    }
    let bad = location(&bad);
    details(&system, &token, &bad, "failed").await;
    let seen = system.request(Method::GET, &bad, &token).send().await.unwrap();
    assert_eq!(seen.status(), 422);
    let problem: Value = seen.json().await.unwrap();
    assert!(problem.to_string().contains("cannot be decoded"), "{problem}");
    let reason = reason_of_the_dead_letter(&system).await;
    assert!(reason.contains("cannot be decoded"), "{reason}");
}

#[tokio::test]
async fn a_picture_that_takes_too_long_has_failed() {
    let setup = Setup::new().await.pictures();
    let system = setup
        .set("transform", "CITYTRACK_TRANSFORM__TIME_LIMIT", "1ms")
        .start()
        .await;
    let (key, token) = (system.venue("demo").await, system.viewer_token("demo").await);
    let answer = upload(&system, &key, "wait=20s", picture("motorcycle_left.png")).await;
    assert_eq!(answer.status(), 422);
    system
        .until("select count(*) from image where state = 'failed'", 1)
        .await;
    let id = "select id::text from image";
    let client = system.database.client().await.unwrap();
    let id: String = client.query_one(id, &[]).await.unwrap().get(0);
    let known = details(&system, &token, &format!("/api/v1/images/{id}"), "failed").await;
    assert!(known["reason"].to_string().contains("too-slow"), "{known}");
    let reason = reason_of_the_dead_letter(&system).await;
    assert!(reason.contains("too long"), "{reason}");
}

#[tokio::test]
async fn originals_and_then_pictures_are_deleted_when_their_time_is_over() {
    let setup = Setup::new().await.pictures();
    let system = setup
        .set("save", "CITYTRACK_SAVE__RETENTION_INTERVAL", "200ms")
        .start()
        .await;
    let (key, token) = (system.venue("demo").await, system.viewer_token("demo").await);
    let settings = serde_json::json!({ "images": { "originals": "2d", "retention": "10d" } });
    system.control(Method::PATCH, "/api/v1/venues/demo", &settings).await;
    let answer = upload(&system, &key, "", photograph()).await;
    let location = location(&answer);
    details(&system, &token, &location, "ready").await;
    let forms = "select count(*) from image_variant";
    assert_eq!(system.number(forms).await, 4);

    let client = system.database.client().await.unwrap();
    // As if it had been saved three days ago.
    let older = "update image set received_at = received_at - interval '3 days', original_until = original_until - interval '3 days'";
    client.batch_execute(older).await.unwrap();
    system.until(forms, 3).await;
    let originals = "select count(*) from image_variant where variant = 'original'";
    assert_eq!(system.number(originals).await, 0);
    let seen = system.request(Method::GET, &location, &token).send().await.unwrap();
    assert_eq!(seen.status(), 200);

    let older = "update image set received_at = received_at - interval '8 days'";
    client.batch_execute(older).await.unwrap();
    system.until(forms, 0).await;
    let seen = system.request(Method::GET, &location, &token).send().await.unwrap();
    assert_eq!(seen.status(), 410);
    assert_eq!(
        system
            .number("select count(*) from image where state = 'expired' and boxes is null")
            .await,
        1
    );
}
