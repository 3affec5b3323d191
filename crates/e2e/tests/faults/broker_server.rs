//! The broker itself fails: killed, or out of memory or disk.

use citytrack_e2e::{Servers, Setup, System, TrafficPlan, Viewer};
use citytrack_testkit::{PrivateBroker, TestDatabase, eventually};

use crate::{hold::Hold, says, traffic};

/// A system with short timeouts on a broker of its own. The broker and the database must live for as long as the system.
async fn on_own_broker() -> (PrivateBroker, TestDatabase, System) {
    let (broker, database) = tokio::join!(PrivateBroker::start(), TestDatabase::create());
    let servers = Servers::given(database.url(), &broker.url(), &broker.management());
    let system = Setup::on(servers).quick().start().await;
    (broker, database, system)
}

/// With a backlog in its queue, part of it in the hands of a worker: that part is stored, but cannot be acknowledged.
#[tokio::test]
async fn the_broker_is_killed_with_a_backlog_in_its_queue() {
    let (mut broker, _database, mut system) = on_own_broker().await;
    let traffic = traffic(&system, &TrafficPlan::default()).await;
    let token = system.viewer_token("demo").await;
    let mut viewer = Viewer::watch(&system.address, &token, "demo").await;

    let hold = Hold::workers(&system, 1).await;
    traffic.accepted_more(100).await;
    broker.kill().await;
    hold.release().await;
    for process in [&system.ingest[0], &system.workers[0]] {
        says(process, "broker", "no connection to RabbitMQ").await;
    }
    traffic.failed_more(8).await;
    broker.restart().await;

    system.recovered().await;
    traffic.accepted_more(100).await;
    // The queues of the live feed went with the broker: viewers are told, and go on.
    viewer
        .sees("a new beginning", |seen| seen.recovered == [false, false])
        .await;
    viewer.sees_more(1).await;
    let sent = traffic.stop().await;
    assert!(sent.retried() > 0, "{:?}", sent.progress);
    system.close_books(&sent, 0).await;
}

/// RabbitMQ tells publishers that it takes nothing (`connection.blocked`): nodes are told to come again, none is kept
/// hanging, nothing piles up, and workers go on.
#[tokio::test]
async fn the_broker_takes_nothing_for_want_of_memory_and_then_of_disk() {
    let (mut broker, _database, mut system) = on_own_broker().await;
    let traffic = traffic(&system, &TrafficPlan::default()).await;

    for (alarm, relief) in [
        (
            "set_vm_memory_high_watermark 0.00001",
            "set_vm_memory_high_watermark 0.6",
        ),
        ("set_disk_free_limit 900000GB", "set_disk_free_limit 50MB"),
    ] {
        broker.ctl(alarm).await;
        says(&system.ingest[0], "broker", "RabbitMQ takes no messages").await;
        traffic.failed_more(20).await;
        // What was accepted before is stored meanwhile.
        let accepted = traffic.progress().accepted;
        system
            .until("select count(*) from batch", i64::try_from(accepted).unwrap())
            .await;
        eventually("no request waits for the broker", async || {
            (system.ingest[0].metric("citytrack_broker_waiting", "").await == 0.0).then_some(())
        })
        .await;
        assert!(system.ingest[0].peak_memory() < 100 << 20);
        broker.ctl(relief).await;
        system.recovered().await;
        traffic.accepted_more(100).await;
    }

    let sent = traffic.stop().await;
    let progress = &sent.progress;
    assert_eq!(
        progress.unanswered, 0,
        "every attempt is answered in time: {progress:?}"
    );
    assert_eq!(progress.refused.keys().collect::<Vec<_>>(), [&503], "{progress:?}");
    system.close_books(&sent, 0).await;
}
