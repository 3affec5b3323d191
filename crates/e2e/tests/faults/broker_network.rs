//! The network to the broker breaks.

use citytrack_e2e::{Process, TrafficPlan};
use citytrack_testkit::eventually;

use crate::{Break, broker_behind_proxy, hold::Hold, traffic};

/// Between ingest-api and broker: nodes are told to come again, and do, until it heals.
async fn ingest_api_without_broker(fault: Break) {
    let (setup, proxy) = broker_behind_proxy("ingest-api").await;
    let mut system = setup.start().await;
    let traffic = traffic(&system, &TrafficPlan::default()).await;

    fault.apply(&proxy);
    let why = system.ingest[0].not_ready().await;
    assert_ne!(why["checks"]["broker"], "ok", "{why}");
    traffic.failed_more(8).await;
    proxy.heal();

    system.recovered().await;
    traffic.accepted_more(100).await;
    let sent = traffic.stop().await;
    assert!(sent.retried() > 0, "{:?}", sent.progress);
    // Batches, pictures, and answers about them.
    nothing_left_behind(&system.ingest[0], 3).await;
    system.close_books(&sent, 0).await;
}

#[tokio::test]
async fn ingest_api_is_cut_off_from_the_broker() {
    ingest_api_without_broker(Break::Cut).await;
}

#[tokio::test]
async fn ingest_api_hears_nothing_from_the_broker_any_more() {
    ingest_api_without_broker(Break::Silence).await;
}

/// Between broker and worker, while it holds batches: they are stored, but cannot be acknowledged, and come again.
async fn worker_without_broker(fault: Break) {
    let (setup, proxy) = broker_behind_proxy("worker").await;
    let mut system = setup.start().await;
    let traffic = traffic(&system, &TrafficPlan::default()).await;

    let hold = Hold::workers(&system, 1).await;
    fault.apply(&proxy);
    hold.release().await;
    let why = system.workers[0].not_ready().await;
    assert_ne!(why["checks"]["broker"], "ok", "{why}");
    proxy.heal();

    system.recovered().await;
    traffic.accepted_more(100).await;
    let sent = traffic.stop().await;
    assert_eq!(sent.retried(), 0, "nodes noticed nothing: {:?}", sent.progress);
    system.workers[0]
        .metric_above_zero("citytrack_persist_batches_total", "duplicate")
        .await;
    // Batches, dead letters, and their number.
    nothing_left_behind(&system.workers[0], 3).await;
    system.close_books(&sent, 0).await;
}

#[tokio::test]
async fn the_worker_is_cut_off_from_the_broker_with_batches_in_hand() {
    worker_without_broker(Break::Cut).await;
}

#[tokio::test]
async fn the_worker_hears_nothing_from_the_broker_any_more_with_batches_in_hand() {
    worker_without_broker(Break::Silence).await;
}

/// Attempts to connect that came to nothing have left nothing: lapin has a thread for each connection, also for one that is
/// being made.
async fn nothing_left_behind(process: &Process, connections: usize) {
    let threads = || {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", process.id())).unwrap();
        let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
        names.filter(|name| name.trim_end() == "lapin-io-loop").count()
    };
    let what = format!("no more than {connections} threads of connections are left");
    eventually(&what, async || (threads() <= connections).then_some(())).await;
}
