//! What lies in the queues of any broker, asked by its management API.

use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::eventually_within;

/// Messages that wait in a queue, counted up to `most`, exactly as it is now. They are looked at and put back.
///
/// `management` is `http://user:password@host:port`, `broker` the AMQP URL whose path is the virtual host.
pub async fn ready_messages(management: &str, broker: &str, queue: &str, most: usize) -> usize {
    let get = json!({ "count": most, "ackmode": "ack_requeue_true", "encoding": "base64", "truncate": 1 });
    let answer = ask(
        Method::POST,
        &format!("{}/get", address(management, broker, queue)),
        Some(&get),
    )
    .await;
    answer.as_array().expect("a list of messages").len()
}

/// Waits until a queue holds nothing at all, neither waiting nor handed out and unacknowledged. The broker counts the latter
/// anew every few seconds.
pub async fn queue_is_empty(management: &str, broker: &str, queue: &str) {
    eventually_within(Duration::from_secs(20), &format!("{queue} is empty"), async || {
        let counted = ask(Method::GET, &address(management, broker, queue), None).await;
        let none = counted["messages"].as_u64() == Some(0);
        (none && ready_messages(management, broker, queue, 1).await == 0).then_some(())
    })
    .await;
}

/// Bounds the persist queue by the policy that `scripts/up` makes, only smaller.
pub async fn limit_persist_queue(management: &str, broker: &str, bytes: u64) {
    persist_policy(
        management,
        broker,
        json!({ "max-length-bytes": bytes, "overflow": "reject-publish" }),
    )
    .await;
}

/// Lets a message come back to the persist queue only so often before RabbitMQ makes a dead letter of it.
pub async fn limit_deliveries(management: &str, broker: &str, deliveries: u64) {
    persist_policy(management, broker, json!({ "delivery-limit": deliveries })).await;
}

async fn persist_policy(management: &str, broker: &str, definition: Value) {
    let policy = json!({ "pattern": "^citytrack\\.persist$", "apply-to": "queues", "definition": definition });
    let url = format!("{management}/api/policies/{}/citytrack-persist", vhost(broker));
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

async fn ask(method: Method, url: &str, body: Option<&Value>) -> Value {
    let mut request = Client::new().request(method, url);
    if let Some(body) = body {
        request = request.json(body);
    }
    let answer = request.send().await.expect("the management API answers");
    assert!(answer.status().is_success(), "the management API: {}", answer.status());
    answer.json().await.unwrap()
}
