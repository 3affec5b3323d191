//! What lies in the queues of any broker, asked by its management API.

use std::time::Duration;

use reqwest::Client;
use serde_json::{Value, json};

use crate::eventually_within;

/// Messages that wait in a queue, counted up to `most`, exactly as it is now. They are looked at and put back.
///
/// `management` is `http://user:password@host:port`, `broker` the AMQP URL whose path is the virtual host.
pub async fn ready_messages(management: &str, broker: &str, queue: &str, most: usize) -> usize {
    let get = json!({ "count": most, "ackmode": "ack_requeue_true", "encoding": "base64", "truncate": 1 });
    let url = format!("{}/get", address(management, broker, queue));
    let answer = Client::new().post(url).json(&get).send().await;
    let answer = answer.expect("the management API answers");
    assert!(answer.status().is_success(), "the management API: {}", answer.status());
    answer.json::<Vec<Value>>().await.unwrap().len()
}

/// Waits until no message waits in a queue. What a consumer holds is not seen; it comes back when the consumer ends.
pub async fn queue_is_empty(management: &str, broker: &str, queue: &str) {
    eventually_within(Duration::from_secs(20), &format!("{queue} is empty"), async || {
        (ready_messages(management, broker, queue, 1).await == 0).then_some(())
    })
    .await;
}

/// Whether no message waits in a queue, and none comes back either: what a consumer held is put back a moment after its end,
/// when the broker has noticed that. Asks so often in a row that this moment has passed; each time goes through the queue's log.
pub async fn stays_empty(management: &str, broker: &str, queue: &str) -> bool {
    for _ in 0..20 {
        if ready_messages(management, broker, queue, 1).await > 0 {
            return false;
        }
    }
    true
}

/// Bounds the persist queue by the policy that `scripts/up` makes, only smaller.
pub async fn limit_persist_queue(management: &str, broker: &str, bytes: u64) {
    limit_queue(management, broker, "persist", bytes).await;
}

/// Bounds a work queue likewise; `queue` is the end of its name.
pub async fn limit_queue(management: &str, broker: &str, queue: &str, bytes: u64) {
    let definition = json!({ "max-length-bytes": bytes, "overflow": "reject-publish" });
    set_policy(management, broker, queue, definition).await;
}

/// Lets a message come back to the persist queue only so often before RabbitMQ makes a dead letter of it.
pub async fn limit_deliveries(management: &str, broker: &str, deliveries: u64) {
    set_policy(management, broker, "persist", json!({ "delivery-limit": deliveries })).await;
}

/// Lets dead letters be looked at as often as one likes, by the policy that `scripts/up` makes.
pub async fn keep_dead_letters(management: &str, broker: &str) {
    set_policy(management, broker, "dead", json!({ "delivery-limit": 1_000_000 })).await;
}

/// The names of the queues that begin so.
pub async fn queues_named(management: &str, broker: &str, prefix: &str) -> Vec<String> {
    let url = format!("{management}/api/queues/{}?columns=name", vhost(broker));
    let answer = Client::new().get(url).send().await.expect("the management API answers");
    let queues: Vec<Value> = answer.json().await.unwrap();
    let names = queues.iter().filter_map(|queue| queue["name"].as_str());
    names
        .filter(|name| name.starts_with(prefix))
        .map(str::to_owned)
        .collect()
}

/// Deletes a queue with everything in it.
pub async fn delete_queue(management: &str, broker: &str, queue: &str) {
    let answer = Client::new().delete(address(management, broker, queue)).send().await;
    let status = answer.expect("the management API answers").status();
    assert!(status.is_success(), "{queue} cannot be deleted: {status}");
}

/// Sets the policy of a queue; `queue` is the end of its name.
async fn set_policy(management: &str, broker: &str, queue: &str, definition: Value) {
    let pattern = format!("^citytrack\\.{queue}$");
    let policy = json!({ "pattern": pattern, "apply-to": "queues", "definition": definition });
    let url = format!("{management}/api/policies/{}/citytrack-{queue}", vhost(broker));
    let answer = Client::new().put(url).json(&policy).send().await.unwrap();
    assert!(answer.status().is_success(), "the policy: {}", answer.status());
}

fn vhost(broker: &str) -> &str {
    let vhost = broker.split("://").nth(1).and_then(|rest| rest.split_once('/'));
    vhost.map_or("%2f", |(_, vhost)| vhost)
}

fn address(management: &str, broker: &str, queue: &str) -> String {
    format!("{management}/api/queues/{}/{queue}", vhost(broker))
}
