//! A worker is killed (SIGKILL) at the worst moment.

use citytrack_e2e::TrafficPlan;

use crate::{Setup, broker_behind_proxy, hold::Hold, traffic};

#[tokio::test]
async fn a_worker_is_killed_in_the_middle_of_a_transaction() {
    let mut system = Setup::new().await.quick().start().await;
    let traffic = traffic(&system, &TrafficPlan::default()).await;

    let hold = Hold::workers(&system, 1).await;
    let mut worker = system.workers.remove(0);
    worker.kill();
    hold.release().await;
    traffic.accepted_more(50).await;
    worker.restart();
    system.workers.push(worker);

    system.recovered().await;
    let sent = traffic.stop().await;
    assert_eq!(sent.retried(), 0, "nodes noticed nothing: {:?}", sent.progress);
    system.close_books(&sent, 0).await;
}

#[tokio::test]
async fn of_two_workers_one_is_killed_in_the_middle_of_a_transaction() {
    let mut system = Setup::new().await.quick().workers(2).start().await;
    let traffic = traffic(&system, &TrafficPlan::default()).await;

    let hold = Hold::workers(&system, 2).await;
    let mut worker = system.workers.remove(0);
    worker.kill();
    hold.release().await;
    traffic.accepted_more(50).await;

    // The other one does the work of both.
    let sent = traffic.stop().await;
    assert_eq!(sent.retried(), 0, "nodes noticed nothing: {:?}", sent.progress);
    system.close_books(&sent, 0).await;
}

#[tokio::test]
async fn a_worker_is_killed_between_commit_and_acknowledgement() {
    let (setup, proxy) = broker_behind_proxy("worker").await;
    let mut system = setup.start().await;
    let traffic = traffic(&system, &TrafficPlan::default()).await;

    let hold = Hold::workers(&system, 1).await;
    let before = system.number("select count(*) from batch").await;
    // Its acknowledgement will not arrive.
    proxy.freeze();
    hold.release().await;
    let committed = format!("select (count(*) > {before})::int::bigint from batch");
    system.until(&committed, 1).await;
    let mut worker = system.workers.remove(0);
    worker.kill();
    // The broker hears of its end only now.
    proxy.cut();
    proxy.heal();
    worker.restart();
    worker.ready().await;
    worker
        .metric_above_zero("citytrack_persist_batches_total", "duplicate")
        .await;
    system.workers.push(worker);

    let sent = traffic.stop().await;
    assert_eq!(sent.retried(), 0, "nodes noticed nothing: {:?}", sent.progress);
    system.close_books(&sent, 0).await;
}
