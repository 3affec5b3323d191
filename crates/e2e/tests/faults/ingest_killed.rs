//! ingest-api is killed (SIGKILL) with requests in flight: published or not, nobody knows, so nodes send them again.

use citytrack_e2e::{Setup, System, TrafficPlan};
use citytrack_testkit::{Proxy, eventually};

use crate::{broker_behind_proxy, traffic};

/// Enough senders that many requests are in flight at once.
fn many_nodes() -> TrafficPlan {
    TrafficPlan {
        nodes: 24,
        batches_per_second: 120,
        ..TrafficPlan::default()
    }
}

/// Neither a confirm nor the broker itself is given up while a test waits for requests to be in flight, however busy the machine is:
/// the proxy tells, when it cuts.
async fn patient_behind_proxy() -> (Setup, Proxy) {
    let (setup, proxy) = broker_behind_proxy("ingest-api").await;
    let setup = setup.set("ingest-api", "CITYTRACK_BROKER__HEARTBEAT", "60s").set(
        "ingest-api",
        "CITYTRACK_PUBLISH__CONFIRM_TIMEOUT",
        "20s",
    );
    (setup, proxy)
}

/// Waits until an ingest-api holds requests whose batches it has sent to the broker.
async fn in_flight(system: &System, instance: usize) {
    eventually("requests are in flight", async || {
        let waiting = system.ingest[instance].metric("citytrack_broker_waiting", "").await;
        (waiting >= 8.0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_only_ingest_api_is_killed_with_requests_in_flight() {
    let (setup, proxy) = patient_behind_proxy().await;
    let mut system = setup.start().await;
    let traffic = traffic(&system, &many_nodes()).await;

    // No confirm comes back, so nothing can be answered.
    proxy.freeze();
    in_flight(&system, 0).await;
    system.ingest[0].kill();
    proxy.cut();
    proxy.heal();
    traffic.failed_more(24).await;
    system.ingest[0].restart();

    system.recovered().await;
    traffic.accepted_more(200).await;
    let sent = traffic.stop().await;
    assert!(sent.retried() >= 8, "{:?}", sent.progress);
    system.close_books(&sent, 0).await;
}

/// The other one does the work of both, without a pause that anybody would notice.
#[tokio::test]
async fn of_two_ingest_apis_one_is_killed_under_load() {
    let mut system = Setup::new().await.quick().ingest(2).start().await;
    let traffic = traffic(&system, &many_nodes()).await;

    let failed_before = traffic.progress().failed();
    system.ingest[0].kill();
    traffic.accepted_more(200).await;
    let failed = traffic.progress().failed() - failed_before;
    assert!(
        failed <= 48,
        "two attempts of each node at most: {:?}",
        traffic.progress()
    );
    system.ingest[0].restart();

    system.recovered().await;
    system.ingest[0]
        .metric_above_zero("citytrack_ingest_batches_total", "accepted")
        .await;
    let sent = traffic.stop().await;
    system.close_books(&sent, 0).await;
}

#[tokio::test]
async fn the_gateway_loses_one_of_two_ingest_apis_with_requests_in_flight() {
    let (setup, proxy) = patient_behind_proxy().await;
    let mut system = setup.ingest(2).start().await;
    let traffic = traffic(&system, &many_nodes()).await;

    proxy.freeze();
    in_flight(&system, 0).await;
    system.ingest[0].kill();
    proxy.cut();
    proxy.heal();
    // The other one does the work of both, as soon as it has its connection again.
    system.ingest[1].ready().await;
    traffic.accepted_more(200).await;
    assert!(system.gateway.readiness().await.is_some_and(|(ready, _)| ready));
    system.ingest[0].restart();

    system.recovered().await;
    // It gets its share again.
    system.ingest[0]
        .metric_above_zero("citytrack_ingest_batches_total", "accepted")
        .await;
    let sent = traffic.stop().await;
    assert!(sent.retried() >= 8, "{:?}", sent.progress);
    system.close_books(&sent, 0).await;
}
