//! The journal misses nothing and notes nothing twice, whatever becomes of its worker.

use citytrack_e2e::TrafficPlan;
use citytrack_testkit::queue_is_empty;

use crate::{Setup, traffic};

/// Each connection numbers the messages of a routing key from 1. (The first of the live feed's own may come before the journal.)
const WRONG: &str = "
    select count(*) from (
        select count(*) as entries, count(distinct number) as different, max(number) as last
        from (select *, split_part(message_id, '-', 1) as connection, split_part(message_id, '-', 2)::bigint as number
              from journal where type = 'citytrack.detections.v1') as entry
        group by exchange, routing_key, connection) as numbered
    where entries <> last or different <> last";

#[tokio::test]
async fn the_journal_is_killed_again_and_again() {
    let mut system = Setup::new().await.quick().role("journal").start().await;
    let traffic = traffic(&system, &TrafficPlan::default()).await;
    for _ in 0..3 {
        traffic.accepted_more(40).await;
        system.roles[0].kill();
        traffic.accepted_more(40).await;
        system.roles[0].restart();
        system.roles[0].ready().await;
    }
    let sent = traffic.stop().await;
    assert_eq!(sent.retried(), 0, "nodes noticed nothing: {:?}", sent.progress);

    let servers = system.servers();
    queue_is_empty(&servers.management, &servers.broker, "citytrack.journal").await;
    assert!(system.roles[0].terminate().await.success());
    assert_eq!(system.number(WRONG).await, 0, "messages are missing or there twice");
    #[expect(clippy::cast_possible_truncation, reason = "a small count")]
    let published = system.ingest[0].metric("citytrack_broker_group_size_count", "").await as i64;
    let noted = "select count(*) from journal where type = 'citytrack.detections.v1'";
    assert_eq!(system.number(noted).await, published);
    assert!(published > 100, "{published}");
}
