//! A virtual host for each test.

use std::time::Duration;

use citytrack_broker::{
    Inbox, InboxMetrics, Options, Publisher, PublisherMetrics, PublisherOptions, Source, topology::DETECTIONS,
};
use prometheus::Registry;
use serde_json::{Value, json};

use crate::{block_on, server, unique_name};

/// A fresh virtual host; deleted with this value, queues and all.
pub struct TestVhost {
    name: String,
}

impl TestVhost {
    /// Makes the virtual host; the user of the test servers may do everything in it.
    pub async fn create() -> Self {
        let vhost = Self { name: unique_name() };
        let management = server("CITYTRACK_TEST_MANAGEMENT_URL");
        let user = management
            .split("://")
            .nth(1)
            .and_then(|rest| rest.split(':').next())
            .unwrap();
        put(&format!("/api/vhosts/{}", vhost.name), &json!({})).await;
        let all = json!({ "configure": ".*", "write": ".*", "read": ".*" });
        put(&format!("/api/permissions/{}/{user}", vhost.name), &all).await;
        vhost
    }

    /// For the settings of a service.
    pub fn url(&self) -> String {
        format!(
            "{}/{}",
            server("CITYTRACK_TEST_AMQP_URL")
                .trim_end_matches('/')
                .trim_end_matches("/%2f"),
            self.name
        )
    }

    /// The broker's management API, with user and password.
    pub fn management(&self) -> String {
        server("CITYTRACK_TEST_MANAGEMENT_URL")
    }

    /// Connection options with the topology of detections.
    pub fn options(&self, name: &str) -> Options {
        Options {
            url: self.url(),
            name: name.to_owned(),
            heartbeat: Duration::from_secs(5),
            topology: DETECTIONS,
        }
    }

    /// A publisher of detections and its task; `kind` is the schema's name.
    pub fn publisher(&self, kind: &'static str) -> Publisher {
        self.publisher_to(DETECTIONS.exchange, kind)
    }

    /// The same to another exchange of the topology.
    pub fn publisher_to(&self, exchange: &'static str, kind: &'static str) -> Publisher {
        let options = PublisherOptions {
            connection: self.options("test publisher"),
            exchange,
            kind,
            mandatory: true,
            max_waiting: 2_000,
            max_waiting_bytes: 64 << 20,
            max_group_bytes: 256 * 1024,
            gather: Duration::ZERO,
            confirm_timeout: Duration::from_secs(5),
        };
        let (publisher, task) = Publisher::new(options, PublisherMetrics::new(&Registry::new()).unwrap());
        #[expect(clippy::disallowed_methods, reason = "a test has no lifecycle")]
        tokio::spawn(task);
        publisher
    }

    /// An inbox of this virtual host.
    pub fn inbox(&self, source: Source) -> Inbox {
        let metrics = InboxMetrics::new(&Registry::new()).unwrap();
        Inbox::new(self.options("test inbox"), source, 100, metrics)
    }

    /// Whether there is such a queue.
    pub async fn has_queue(&self, queue: &str) -> bool {
        let path = format!("/api/queues/{}/{queue}", self.name);
        let answer = request(reqwest::Method::GET, &path).send().await.unwrap();
        answer.status().is_success()
    }

    /// Deletes a queue, whoever uses it.
    pub async fn delete_queue(&self, queue: &str) {
        let path = format!("/api/queues/{}/{queue}", self.name);
        let answer = request(reqwest::Method::DELETE, &path).send().await.unwrap();
        assert!(answer.status().is_success(), "DELETE {path}: {}", answer.status());
    }

    /// Messages in a queue, unacknowledged ones included, as the broker's statistics say; they follow after some seconds.
    pub async fn messages(&self, queue: &str) -> Option<u64> {
        let answer = request(reqwest::Method::GET, &format!("/api/queues/{}/{queue}", self.name))
            .send()
            .await
            .unwrap();
        answer.json::<Value>().await.unwrap()["messages"].as_u64()
    }
}

impl Drop for TestVhost {
    fn drop(&mut self) {
        let path = format!("/api/vhosts/{}", self.name);
        block_on(async move {
            let _ = request(reqwest::Method::DELETE, &path).send().await;
        });
    }
}

fn request(method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
    reqwest::Client::new().request(method, format!("{}{path}", server("CITYTRACK_TEST_MANAGEMENT_URL")))
}

async fn put(path: &str, body: &Value) {
    let answer = request(reqwest::Method::PUT, path)
        .json(body)
        .send()
        .await
        .expect("the management API answers");
    assert!(answer.status().is_success(), "PUT {path}: {}", answer.status());
}
