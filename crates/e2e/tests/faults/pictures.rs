//! Pictures while something fails: each one that was accepted is saved exactly once.

use citytrack_e2e::{Servers, Setup, System, Uploads};
use citytrack_testkit::{PrivateBroker, TestDatabase, TestVhost, eventually_within};

use crate::{PATIENCE, says};

/// A multiple of what is uploaded side by side.
const PICTURES: usize = 40;
const TRANSFORM: usize = 0;
const SAVE: usize = 1;

fn pictures(setup: Setup) -> Setup {
    let unlimited = |setup: Setup, variable| setup.set("ingest-api", variable, "0");
    let quick = |setup: Setup, role| setup.set(role, "CITYTRACK_IMAGES__MAX_BACKOFF", "500ms");
    let setup = ["CITYTRACK_RATE__IMAGES", "CITYTRACK_RATE__IMAGE_BYTES"]
        .into_iter()
        .fold(setup.quick().pictures(), unlimited);
    ["transform", "save"].into_iter().fold(setup, quick)
}

/// Uploads that are under way, and some of them saved.
async fn uploads(system: &System, times: usize) -> Uploads {
    let key = system.venue("demo").await;
    let uploads = Uploads::start(system, &key, PICTURES, times);
    saved(system, 2).await;
    uploads
}

async fn saved(system: &System, least: i64) {
    let ready = "select count(*) from image where state = 'ready'";
    eventually_within(PATIENCE, &format!("{least} pictures are saved"), async || {
        (system.number(ready).await >= least).then_some(())
    })
    .await;
}

#[tokio::test]
async fn transform_is_killed_again_and_again() {
    let mut system = pictures(Setup::new().await).start().await;
    let uploads = uploads(&system, 1).await;
    for more in [4, 8] {
        system.roles[TRANSFORM].kill();
        system.roles[TRANSFORM].restart();
        saved(&system, more).await;
    }
    uploads.saved_once(&system).await;
}

#[tokio::test]
async fn save_is_killed_in_the_middle_of_a_transaction() {
    let mut system = pictures(Setup::new().await).start().await;
    let uploads = uploads(&system, 1).await;
    // Its row is written, its forms are not.
    let lock = system.database.client().await.unwrap();
    lock.batch_execute("begin; lock table image_variant in exclusive mode")
        .await
        .unwrap();
    let waits = "select count(*) from pg_stat_activity where application_name = 'citytrack worker (save)'
                 and datname = current_database() and wait_event_type = 'Lock'";
    eventually_within(PATIENCE, "a picture is half saved", async || {
        (system.number(waits).await > 0).then_some(())
    })
    .await;
    system.roles[SAVE].kill();
    lock.batch_execute("rollback").await.unwrap();
    system.roles[SAVE].restart();
    uploads.saved_once(&system).await;
}

#[tokio::test]
async fn postgres_is_away() {
    let (closed, vhost) = (TestDatabase::create().await, TestVhost::create().await);
    let servers = Servers::given(closed.url(), &vhost.url(), &vhost.management());
    let system = pictures(Setup::on(servers)).start().await;
    let uploads = uploads(&system, 1).await;
    closed.shut().await;
    // Save has nothing to say while it has nothing in hand: transform holds what comes.
    says(
        &system.roles[TRANSFORM],
        "database",
        "not currently accepting connections",
    )
    .await;
    closed.reopen().await;
    uploads.saved_once(&system).await;
}

#[tokio::test]
async fn the_broker_is_killed() {
    let (mut broker, database) = tokio::join!(PrivateBroker::start(), TestDatabase::create());
    let servers = Servers::given(database.url(), &broker.url(), &broker.management());
    let system = pictures(Setup::on(servers)).start().await;
    let uploads = uploads(&system, 1).await;
    broker.kill().await;
    says(&system.ingest[0], "broker", "no connection to RabbitMQ").await;
    broker.restart().await;
    uploads.saved_once(&system).await;
}

#[tokio::test]
async fn every_picture_comes_three_times_and_save_is_killed() {
    let mut system = pictures(Setup::new().await).start().await;
    let uploads = uploads(&system, 3).await;
    system.roles[SAVE].kill();
    system.roles[SAVE].restart();
    uploads.saved_once(&system).await;
    system.roles[SAVE]
        .metric_above_zero("citytrack_save_images_total", "duplicate")
        .await;
}
