//! A console for one test.

use std::sync::Arc;

use citytrack_common::{Lifecycle, settings};
use citytrack_console::{App, Settings};
use citytrack_domain::{Clock, ManualClock};
use citytrack_testkit::{TestDatabase, eventually};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;

pub(crate) const ADMINISTRATOR: &str = "administrator token of this test";
pub(crate) const VIEWER_SECRET: &str = "secret of the viewers of this test";
/// What becomes unrecognisable on the pictures of a new venue.
pub(crate) const PEOPLE: [&str; 18] = [
    "person",
    "face",
    "head",
    "people",
    "human",
    "pedestrian",
    "man",
    "woman",
    "boy",
    "girl",
    "child",
    "rider",
    "cyclist",
    "bicyclist",
    "motorcyclist",
    "person_sitting",
    "human_face",
    "human_head",
];

/// A console with a database of its own; both end with this value.
pub(crate) struct Console {
    pub(crate) test: Arc<TestDatabase>,
    pub(crate) clock: ManualClock,
    address: String,
    client: reqwest::Client,
    running: tokio::task::JoinHandle<std::process::ExitCode>,
}

impl Console {
    pub(crate) async fn start() -> Self {
        Self::start_on(TestDatabase::create_empty().await).await
    }

    /// A console on a database in which there may be something already.
    pub(crate) async fn start_on(test: TestDatabase) -> Self {
        let url = test.url().to_owned();
        let console = Self::start_with(test.into(), &url, ten_o_clock());
        console.ready().await;
        console
    }

    /// A console whose PostgreSQL is away.
    pub(crate) async fn start_without_database() -> Self {
        Self::start_with(
            TestDatabase::create_empty().await.into(),
            "postgres://nobody@127.0.0.1:1/nothing",
            ten_o_clock(),
        )
    }

    /// A console with its admin listener at `admin`, which asks `targets` how they are.
    pub(crate) async fn start_watching(admin: &str, targets: &str) -> Self {
        let test = TestDatabase::create_empty().await;
        let url = test.url().to_owned();
        let further = [("--admin-listen", admin), ("--system-targets", targets)];
        let console = Self::start_as(test.into(), &url, ten_o_clock(), &further);
        console.ready().await;
        console
    }

    /// A console with further settings.
    pub(crate) async fn start_set(further: &[(&str, &str)]) -> Self {
        let test = TestDatabase::create_empty().await;
        let url = test.url().to_owned();
        let further = [&[("--admin-listen", "127.0.0.1:0")], further].concat();
        let console = Self::start_as(test.into(), &url, ten_o_clock(), &further);
        console.ready().await;
        console
    }

    fn start_with(test: Arc<TestDatabase>, database_url: &str, clock: ManualClock) -> Self {
        Self::start_as(test, database_url, clock, &[("--admin-listen", "127.0.0.1:0")])
    }

    fn start_as(test: Arc<TestDatabase>, database_url: &str, clock: ManualClock, further: &[(&str, &str)]) -> Self {
        let arguments = [
            ("--http-listen", "127.0.0.1:0"),
            ("--database-url", database_url),
            ("--administrator-token", ADMINISTRATOR),
            ("--viewer-secret", VIEWER_SECRET),
        ];
        let arguments = arguments.iter().chain(further).copied();
        let settings: Settings = settings::from_args(arguments.flat_map(|(name, value)| [name, value])).unwrap();
        let lifecycle = Lifecycle::new(settings.shutdown.clone());
        let app = App::start(&settings, Clock::Manual(clock.clone()), &lifecycle).unwrap();
        #[expect(clippy::disallowed_methods, reason = "the lifecycle itself runs here")]
        let running = tokio::spawn(lifecycle.run());
        let address = format!("http://{}", app.address);
        Self {
            test,
            clock,
            address,
            client: reqwest::Client::new(),
            running,
        }
    }

    /// `http://…` of the console.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Another instance with the same database and clock.
    pub(crate) async fn another(&self) -> Self {
        let url = self.test.url().to_owned();
        let other = Self::start_with(self.test.clone(), &url, self.clock.clone());
        other.ready().await;
        other
    }

    async fn ready(&self) {
        eventually("the console is ready", async || {
            let answer = self.request(Method::GET, "/readyz").send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
    }

    /// A request without authentication.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.address))
    }

    /// A request of the administrator: status and body.
    pub(crate) async fn admin(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let request = self.request(method, path).bearer_auth(ADMINISTRATOR);
        answer(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.admin(Method::GET, path, None).await
    }

    /// Creates something, which must succeed.
    pub(crate) async fn create(&self, path: &str, body: Value) -> Value {
        let (status, created) = self.admin(Method::POST, path, Some(body)).await;
        assert_eq!(status, StatusCode::CREATED, "{created}");
        created
    }
}

fn ten_o_clock() -> ManualClock {
    ManualClock::new("2026-11-22T10:00:00Z".parse().unwrap())
}

impl Drop for Console {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// Status and body, null when there is none.
pub(crate) async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let body = answer.text().await.unwrap();
    (
        status,
        if body.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&body).unwrap()
        },
    )
}
