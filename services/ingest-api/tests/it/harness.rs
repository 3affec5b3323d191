//! A running ingest API with servers of its own, and a node to post as.

use std::process::ExitCode;

use citytrack_access::NodeKey;
use citytrack_broker::{
    Inbox, InboxMetrics, Options, Source,
    topology::{IMAGES, PERSIST, TRANSFORM},
};
use citytrack_common::{Lifecycle, settings::from_args, telemetry};
use citytrack_domain::Batch;
use citytrack_ingest_api::{App, Settings};
use citytrack_messages::decode;
use citytrack_storage::keys;
use citytrack_testkit::{TestDatabase, TestVhost, changed, demo_node, eventually};
use jiff::Timestamp;
use prometheus::Registry;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(crate) struct Harness {
    pub(crate) database: TestDatabase,
    pub(crate) vhost: TestVhost,
    pub(crate) node: Uuid,
    pub(crate) key: String,
    url: String,
    images: String,
    client: Client,
    stop: CancellationToken,
    ended: JoinHandle<ExitCode>,
}

impl Harness {
    pub(crate) async fn start(extra: &[&str]) -> Self {
        let database = TestDatabase::create().await;
        let node = demo_node(&database.database).await.id;
        let vhost = TestVhost::create().await;
        let args = ["--http-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
        let urls = ["--database-url", database.url(), "--broker-url", &vhost.url()];
        let settings: Settings = from_args(args.iter().chain(&urls).chain(extra)).unwrap();
        telemetry::init(&settings.log).unwrap();
        let lifecycle = Lifecycle::new(settings.shutdown.clone());
        let readiness = lifecycle.readiness();
        let app = App::start(&settings, &lifecycle).unwrap();
        let stop = lifecycle.spawner().stop();
        #[expect(clippy::disallowed_methods, reason = "the lifecycle itself")]
        let ended = tokio::spawn(lifecycle.run());
        eventually("the service is ready", async || readiness.report().0.then_some(())).await;
        let mut harness = Self {
            database,
            vhost,
            node,
            key: String::new(),
            url: format!("http://{}/api/v1/detections", app.address),
            images: format!("http://{}/api/v1/images", app.address),
            client: Client::new(),
            stop,
            ended,
        };
        harness.key = harness.new_key(node).await.1;
        harness
    }

    /// The same, when pictures are taken, too, which readiness does not wait for.
    pub(crate) async fn start_for_images(extra: &[&str]) -> Self {
        let harness = Self::start(extra).await;
        eventually("pictures are taken", async || {
            let answer = harness.upload("", Vec::new()).send().await.unwrap();
            (answer.status() == 422).then_some(())
        })
        .await;
        harness
    }

    /// Ends the service as a signal would, and gives back its database.
    pub(crate) async fn end(self) -> TestDatabase {
        self.stop.cancel();
        assert_eq!(self.ended.await.unwrap(), ExitCode::SUCCESS);
        self.database
    }

    /// Makes a key of a node: its id and its text.
    pub(crate) async fn new_key(&self, node: Uuid) -> (Uuid, String) {
        let (id, key) = (Uuid::now_v7(), NodeKey::generate());
        let new = keys::NewKey {
            id,
            node,
            prefix: key.prefix(),
            hash: &key.hash(),
            label: None,
        };
        changed(&self.database.database, async |change| keys::create(change, &new).await)
            .await
            .unwrap();
        (id, key.expose().to_owned())
    }

    /// A request with neither key nor body.
    pub(crate) fn request(&self) -> RequestBuilder {
        self.client.post(&self.url)
    }

    /// A request as the node makes it.
    pub(crate) fn post(&self, body: &Value) -> RequestBuilder {
        self.request().bearer_auth(&self.key).json(body)
    }

    /// A request for a picture, with neither key nor body.
    pub(crate) fn image_request(&self, query: &str) -> RequestBuilder {
        self.client.post(format!("{}?{query}", self.images))
    }

    /// A picture as the node sends it.
    pub(crate) fn upload(&self, query: &str, picture: Vec<u8>) -> RequestBuilder {
        self.image_request(query).bearer_auth(&self.key).body(picture)
    }

    /// Connection options with the topology of pictures.
    pub(crate) fn image_options(&self) -> Options {
        Options {
            topology: IMAGES,
            ..self.vhost.options("test pictures")
        }
    }

    /// An inbox on the queue of those who transform pictures.
    pub(crate) fn image_queue(&self) -> Inbox {
        let metrics = InboxMetrics::new(&Registry::new()).unwrap();
        Inbox::new(self.image_options(), Source::Work(TRANSFORM.name), 100, metrics)
    }

    /// An inbox on the work queue.
    pub(crate) fn queue(&self) -> Inbox {
        self.vhost.inbox(Source::Work(PERSIST.name))
    }
}

/// Waits for so many batches.
pub(crate) async fn take(queue: &mut Inbox, count: usize) -> Vec<Batch> {
    let mut batches = Vec::new();
    while batches.len() < count {
        for delivery in queue.next(100, usize::MAX).await {
            batches.extend(decode(&delivery.payload).unwrap());
        }
        queue.settle().await;
    }
    batches
}

/// A body with one frame of one person, taken now.
pub(crate) fn body() -> Value {
    json!({ "frames": [{
        "camera": "entrance", "frame": 1042, "captured_at": now().to_string(), "width": 1920, "height": 1080,
        "detections": [{ "class": "person", "confidence": 0.91, "box": [0.12, 0.30, 0.05, 0.20], "track_id": 17 }],
    }] })
}

/// A grey PNG.
pub(crate) fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    let mut writer = encoder.write_header().unwrap();
    let grey = vec![128; width as usize * height as usize];
    writer.write_image_data(&grey).unwrap();
    writer.finish().unwrap();
    bytes
}

pub(crate) fn now() -> Timestamp {
    citytrack_domain::Clock::System.now()
}
