//! A read API for one test.

use citytrack_access::{CameraLimits, ViewerTokens};
use citytrack_common::{Lifecycle, settings};
use citytrack_domain::{Batch, Clock, ManualClock, NodeIdentity, Slug, VenueTimeZone};
use citytrack_stats::{App, Settings};
use citytrack_storage::{Change, batches::BatchWriter, nodes, venues};
use citytrack_testkit::{TestDatabase, change, changed, eventually, identity};
use jiff::{SignedDuration, Timestamp};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;

const VIEWER_SECRET: &str = "secret of the viewers of this test";

/// A read API with a database of its own, in which the venue `demo` has the cameras `north/door` and `north/hall`; both
/// end with this value.
pub(crate) struct Stats {
    pub(crate) test: TestDatabase,
    pub(crate) clock: ManualClock,
    address: String,
    client: reqwest::Client,
    running: tokio::task::JoinHandle<std::process::ExitCode>,
}

impl Stats {
    pub(crate) async fn start(zone: &str) -> Self {
        Self::start_with(zone, &[]).await
    }

    /// With other settings than usual.
    pub(crate) async fn start_with(zone: &str, more: &[(&str, &str)]) -> Self {
        let test = TestDatabase::create().await;
        make_demo(&test, zone).await;
        // As the read-only role: all that statistics ask for has to be granted to it.
        let url = test.reader_url().await;
        let arguments = [
            ("--http-listen", "127.0.0.1:0"),
            ("--admin-listen", "127.0.0.1:0"),
            ("--database-url", url.as_str()),
            ("--viewer-secret", VIEWER_SECRET),
        ];
        let settings: Settings =
            settings::from_args(arguments.iter().chain(more).flat_map(|(name, value)| [name, value])).unwrap();
        let clock = ManualClock::new("2026-11-22T12:00:30Z".parse().unwrap());
        let lifecycle = Lifecycle::new(settings.shutdown.clone());
        let app = App::start(&settings, Clock::Manual(clock.clone()), &lifecycle).unwrap();
        #[expect(clippy::disallowed_methods, reason = "the lifecycle itself runs here")]
        let running = tokio::spawn(lifecycle.run());
        let stats = Self {
            test,
            clock,
            address: format!("http://{}", app.address),
            client: reqwest::Client::new(),
            running,
        };
        eventually("the read API is ready", async || {
            let answer = stats.request("/readyz").send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
        stats
    }

    /// Frames and detections of a class in one minute of `north/<camera>`.
    pub(crate) async fn minute(&self, camera: &str, minute: &str, frames: i32, class: Option<(&str, i32, i32)>) {
        let client = self.test.database.client().await.unwrap();
        let minute: Timestamp = minute.parse().unwrap();
        let (name, detections, peak) = class.unwrap_or(("none", 0, 0));
        let statement = "insert into camera_minute select id, $2, $3, $4, $5 from camera where name = $1";
        client
            .execute(statement, &[&camera, &minute, &frames, &detections, &peak])
            .await
            .unwrap();
        if class.is_some() {
            client
                .execute("insert into class (name) values ($1) on conflict do nothing", &[&name])
                .await
                .unwrap();
            let statement = "insert into class_minute select camera.id, class.id, $2, $3, $4, $5 from camera, class
                             where camera.name = $1 and class.name = $6";
            client
                .execute(statement, &[&camera, &minute, &frames, &detections, &peak, &name])
                .await
                .unwrap();
        }
    }

    /// The node `north` of `demo`, as whoever sends batches.
    pub(crate) async fn north(&self) -> NodeIdentity {
        let nodes = nodes::list(&self.test.database, &Slug::new("demo").unwrap(), false).await;
        identity("demo", nodes.unwrap()[0].id)
    }

    /// Stores batches as the worker does.
    pub(crate) async fn store(&self, batches: &[Batch]) {
        let stored = BatchWriter::new(self.test.database.clone())
            .insert(batches)
            .await
            .unwrap();
        assert_eq!(stored.batches, batches.len());
    }

    /// Another venue.
    pub(crate) async fn make_venue(&self, slug: &str) {
        let (slug, zone) = (Slug::new(slug).unwrap(), VenueTimeZone::new("UTC").unwrap());
        let create = async |change: &Change| venues::create(change, &slug, "Another", &zone).await;
        changed(&self.test.database, create).await.unwrap();
    }

    /// A token that names these venues, valid for an hour.
    pub(crate) fn token(&self, venues: &[&str]) -> String {
        self.limited_token(venues, &CameraLimits::new())
    }

    /// The same, but of some venues only for some cameras.
    pub(crate) fn limited_token(&self, venues: &[&str], cameras: &CameraLimits) -> String {
        let venues: Vec<Slug> = venues.iter().map(|slug| Slug::new(slug).unwrap()).collect();
        let now = Clock::Manual(self.clock.clone()).now();
        ViewerTokens::new(&VIEWER_SECRET.into())
            .issue(&venues, cameras, now + SignedDuration::from_hours(1), now)
            .unwrap()
    }

    /// A request without token.
    pub(crate) fn request(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.address))
    }

    /// A viewer of `demo` asks for its detections.
    pub(crate) fn detections(&self, query: &str) -> RequestBuilder {
        self.request(&format!("/api/v1/venues/demo/detections{query}"))
            .bearer_auth(self.token(&["demo"]))
    }

    /// A viewer of `demo` asks for its counts.
    pub(crate) fn counts(&self, query: &str) -> RequestBuilder {
        self.request(&format!("/api/v1/venues/demo/counts{query}"))
            .bearer_auth(self.token(&["demo"]))
    }
}

impl Drop for Stats {
    fn drop(&mut self) {
        self.running.abort();
    }
}

async fn make_demo(test: &TestDatabase, zone: &str) {
    let demo = Slug::new("demo").unwrap();
    let change = change(&test.database).await;
    venues::create(&change, &demo, "Demo", &VenueTimeZone::new(zone).unwrap())
        .await
        .unwrap();
    let north = Slug::new("north").unwrap();
    let node = nodes::create(&change, uuid::Uuid::now_v7(), &demo, &north, "North")
        .await
        .unwrap();
    change.commit().await.unwrap();
    let cameras = "insert into camera (node_id, name) values ($1, 'door'), ($1, 'hall')";
    test.database
        .client()
        .await
        .unwrap()
        .execute(cameras, &[&node.id])
        .await
        .unwrap();
}

/// Status and JSON of an answer.
pub(crate) async fn json(request: RequestBuilder) -> (StatusCode, Value) {
    let answer: Response = request.send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}
