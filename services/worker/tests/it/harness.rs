//! A running worker with servers of its own.

use std::process::ExitCode;

use citytrack_broker::{Message, Publisher, Status};
use citytrack_common::{Lifecycle, Readiness, settings::from_args, telemetry};
use citytrack_domain::{Batch, NodeIdentity};
use citytrack_messages::{SCHEMA, encode, routing_key};
use citytrack_testkit::{TestDatabase, TestVhost, demo_node, eventually};
use citytrack_worker::{Settings, start};
use tokio_util::sync::CancellationToken;

pub(crate) struct Harness {
    pub(crate) database: TestDatabase,
    pub(crate) vhost: TestVhost,
    pub(crate) publisher: Publisher,
    pub(crate) source: NodeIdentity,
}

/// One worker of possibly several.
pub(crate) struct Worker {
    pub(crate) readiness: Readiness,
    stop: CancellationToken,
    ended: tokio::task::JoinHandle<ExitCode>,
}

impl Harness {
    /// Servers with one node and no worker yet.
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::create().await;
        let source = demo_node(&database.database).await;
        let vhost = TestVhost::create().await;
        let publisher = vhost.publisher(SCHEMA);
        let status = publisher.status();
        eventually("the publisher is connected", async || {
            (*status.borrow() == Status::Up).then_some(())
        })
        .await;
        Self {
            database,
            vhost,
            publisher,
            source,
        }
    }

    pub(crate) fn worker(&self) -> Worker {
        let args = ["--admin-listen", "127.0.0.1:0", "--persist-max-backoff", "200ms"];
        let urls = ["--database-url", self.database.url(), "--broker-url", &self.vhost.url()];
        let settings: Settings = from_args(args.iter().chain(&urls)).unwrap();
        telemetry::init(&settings.log).unwrap();
        let lifecycle = Lifecycle::new(settings.shutdown.clone());
        start(&settings, &lifecycle).unwrap();
        Worker::of(lifecycle)
    }

    pub(crate) async fn publish(&self, batch: &Batch) {
        self.publish_bytes(&routing_key(&batch.source.venue), encode(batch).to_vec())
            .await;
    }

    pub(crate) async fn publish_bytes(&self, route: &str, payload: Vec<u8>) {
        let message = Message {
            route: route.to_owned(),
            payload: payload.into(),
            headers: Vec::new(),
        };
        self.publisher.publish(message).await.unwrap();
    }

    /// Waits until a question has this answer.
    pub(crate) async fn until(&self, question: &str, answer: i64) {
        eventually(&format!("{question} is {answer}"), async || {
            (self.number(question).await == answer).then_some(())
        })
        .await;
    }

    pub(crate) async fn number(&self, question: &str) -> i64 {
        self.database
            .database
            .client()
            .await
            .unwrap()
            .query_one(question, &[])
            .await
            .unwrap()
            .get(0)
    }
}

impl Worker {
    /// A worker in any role, as it was started.
    pub(crate) fn of(lifecycle: Lifecycle) -> Self {
        let (readiness, stop) = (lifecycle.readiness(), lifecycle.spawner().stop());
        #[expect(clippy::disallowed_methods, reason = "the lifecycle itself")]
        let ended = tokio::spawn(lifecycle.run());
        Self { readiness, stop, ended }
    }

    /// Ends it as a signal would. A test that ends while its worker is about to connect holds up the end of its database:
    /// PostgreSQL waits for the password, and the one thread of the test waits for PostgreSQL.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        assert_eq!(self.ended.await.unwrap(), ExitCode::SUCCESS);
    }
}
