//! A whole CityTrack: every binary as a process, on ports of its own, with a database and a virtual host of its own.

use std::{
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
};

use citytrack_testkit::{TestDatabase, TestVhost, eventually};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

const ADMINISTRATOR: &str = "administrator-token-of-the-end-to-end-tests";
const SECRET: &str = "viewer-secret-of-the-end-to-end-tests-0123456789";

/// A process that ends with this value.
pub(crate) struct Process {
    child: Child,
    /// Where its admin listener answers.
    admin: String,
}

impl Process {
    /// Ends it at once, without a chance to say goodbye.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    async fn ready(&self) {
        let url = format!("http://{}/readyz", self.admin);
        eventually(&format!("{url} is fine"), async || {
            reqwest::get(&url)
                .await
                .ok()
                .filter(|answer| answer.status() == 200)
                .map(drop)
        })
        .await;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) struct System {
    pub(crate) database: TestDatabase,
    pub(crate) ingest: Vec<Process>,
    _others: Vec<Process>,
    _vhost: TestVhost,
    /// The gateway.
    pub(crate) address: String,
    client: Client,
}

/// A built binary: they lie beside this test's own folder, `target/<profile>/deps`.
pub(crate) fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.ancestors().nth(2).unwrap().join(name);
    assert!(
        path.exists(),
        "{} is not built: cargo build --workspace --bins",
        path.display()
    );
    path
}

/// A port that is free now, below those that the system hands out to outgoing connections.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Tests run as processes side by side: start somewhere else in each.
    let start = u16::try_from(std::process::id() % 400).unwrap() * 20;
    loop {
        let port = 23_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % 8_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl System {
    /// Starts one of each, and `ingest` instances of ingest-api, and waits until all are ready.
    pub(crate) async fn start(ingest: usize) -> Self {
        let (database, vhost) = (TestDatabase::create().await, TestVhost::create().await);
        let start = |service: &str, extra: &[(&str, &str)]| {
            let [http, admin] = [free_port(), free_port()].map(|port| format!("127.0.0.1:{port}"));
            let mut command = Command::new(binary(service));
            command
                .env("CITYTRACK_HTTP__LISTEN", &http)
                .env("CITYTRACK_ADMIN__LISTEN", &admin)
                .env("CITYTRACK_DATABASE__URL", database.url())
                .env("CITYTRACK_BROKER__URL", vhost.url())
                .env("CITYTRACK_VIEWER__SECRET", SECRET)
                .env("CITYTRACK_ADMINISTRATOR__TOKEN", ADMINISTRATOR)
                .env("CITYTRACK_LOG__LEVEL", "warn")
                .envs(extra.iter().copied())
                .args((service == "worker").then_some("persist"))
                .stdout(Stdio::null());
            (
                http,
                Process {
                    child: command.spawn().unwrap(),
                    admin,
                },
            )
        };
        let (ingest_addresses, ingest): (Vec<_>, Vec<_>) = (0..ingest).map(|_| start("ingest-api", &[])).unzip();
        let [
            (_, worker),
            (realtime, realtime_ws),
            (stats_address, stats),
            (console_address, console),
        ] = ["worker", "realtime-ws", "stats", "console"].map(|service| start(service, &[]));
        let address = format!("127.0.0.1:{}", free_port());
        let pools = [
            ("CITYTRACK_GATEWAY__LISTEN", address.as_str()),
            ("CITYTRACK_GATEWAY__POOLS__INGEST_API", &ingest_addresses.join(",")),
            ("CITYTRACK_GATEWAY__POOLS__REALTIME_WS", &realtime),
            ("CITYTRACK_GATEWAY__POOLS__STATS", &stats_address),
            ("CITYTRACK_GATEWAY__POOLS__CONSOLE", &console_address),
        ];
        let others = vec![worker, realtime_ws, stats, console];
        for process in ingest.iter().chain(&others) {
            process.ready().await;
        }
        // Last, so that its first health checks find everything.
        let (_, gateway) = start("gateway", &pools);
        gateway.ready().await;
        let others = others.into_iter().chain([gateway]).collect();
        Self {
            database,
            ingest,
            _others: others,
            _vhost: vhost,
            address,
            client: Client::new(),
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn request(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        self.client.request(method, self.url(path)).bearer_auth(token)
    }

    /// A call of the control API that must work.
    pub(crate) async fn control(&self, method: Method, path: &str, body: &Value) -> Value {
        let answer = self
            .request(method, path, ADMINISTRATOR)
            .json(body)
            .send()
            .await
            .unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Makes a venue with one node; returns the node's key.
    pub(crate) async fn venue(&self, slug: &str) -> String {
        let venue = json!({ "slug": slug, "name": "A venue", "time_zone": "Europe/Berlin" });
        self.control(Method::POST, "/api/v1/venues", &venue).await;
        let node = self
            .control(
                Method::POST,
                &format!("/api/v1/venues/{slug}/nodes"),
                &json!({ "slug": "north" }),
            )
            .await;
        let keys = format!("/api/v1/nodes/{}/keys", node["id"].as_str().unwrap());
        let key = self.control(Method::POST, &keys, &json!({})).await;
        key["key"].as_str().unwrap().to_owned()
    }

    /// A token that may see a venue.
    pub(crate) async fn viewer_token(&self, venue: &str) -> String {
        let request = json!({ "venues": [venue], "ttl": "1h" });
        let token = self.control(Method::POST, "/api/v1/viewer-tokens", &request).await;
        token["token"].as_str().unwrap().to_owned()
    }

    /// The answer of the counts API.
    pub(crate) async fn counts(&self, venue: &str, token: &str, query: &str) -> Value {
        let path = format!("/api/v1/venues/{venue}/counts?{query}");
        let answer = self.request(Method::GET, &path, token).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.json().await.unwrap()
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

    /// Waits until a question to the database has this answer.
    pub(crate) async fn until(&self, question: &str, answer: i64) {
        eventually(&format!("{question} is {answer}"), async || {
            (self.number(question).await == answer).then_some(())
        })
        .await;
    }
}

/// The sum of a member over the buckets of a counts answer; holes count as nothing.
pub(crate) fn sum(counts: &Value, member: &str) -> i64 {
    counts["buckets"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|bucket| bucket[member].as_i64())
        .sum()
}
