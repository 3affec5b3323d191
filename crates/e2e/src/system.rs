//! A whole CityTrack: every binary as a process, on ports of its own.

use std::{fs, path::PathBuf};

use citytrack_storage::Database;
use citytrack_testkit::{delete_queue, eventually, queue_is_empty, queues_named, ready_messages, stays_empty};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use crate::{Sent, Servers, Setup, process::Process, setup::ADMINISTRATOR};

/// The queue of the persistence workers.
const PERSIST: &str = "citytrack.persist";

/// A running CityTrack; ends with this value.
pub struct System {
    /// In the order of their start.
    pub ingest: Vec<Process>,
    /// In the order of their start.
    pub workers: Vec<Process>,
    /// The worker in other roles ([`Setup::role`]), in the order in which they were asked for.
    pub roles: Vec<Process>,
    /// The live feed, in the order of their start.
    pub live: Vec<Process>,
    /// The counts.
    pub stats: Process,
    /// The control API and the pages.
    pub console: Process,
    /// The public port.
    pub gateway: Process,
    /// The test's own connections to its database.
    pub database: Database,
    /// The gateway.
    pub address: String,
    pub(crate) client: Client,
    /// Last, so that the servers go after the processes.
    pub(crate) setup: Setup,
}

impl System {
    /// Starts one of each, and `ingest` instances of ingest-api, and waits until all are ready.
    pub async fn start(ingest: usize) -> Self {
        Setup::new().await.ingest(ingest).start().await
    }

    /// Its broker and database.
    pub fn servers(&self) -> &Servers {
        self.setup.servers()
    }

    /// Starts one more worker, and waits until it is ready.
    pub async fn add_worker(&mut self) -> &mut Process {
        let worker = self.setup.launch("worker", &[]);
        worker.ready().await;
        self.workers.push(worker);
        self.workers.last_mut().unwrap()
    }

    /// Waits until every process is ready, without a hand.
    pub async fn recovered(&self) {
        let many = self
            .ingest
            .iter()
            .chain(&self.workers)
            .chain(&self.roles)
            .chain(&self.live);
        for process in many.chain([&self.stats, &self.console, &self.gateway]) {
            process.ready().await;
        }
    }

    /// The end of a fault test: everything recovers, all that was sent is stored once and counted once, the queue is empty,
    /// the workers end in good order, and exactly so many dead letters lie there.
    pub async fn close_books(&mut self, sent: &Sent, dead_letters: usize) {
        self.recovered().await;
        sent.all_stored(&self.servers().database).await;
        self.end_workers().await;
        let Servers {
            database,
            broker,
            management,
            ..
        } = self.servers();
        let dead = ready_messages(management, broker, "citytrack.dead", dead_letters + 1).await;
        assert_eq!(dead, dead_letters, "dead letters");
        sent.assert_stored_once(database).await;
    }

    /// Ends the workers in good order, with nothing left for them to do: from now on nothing more is stored. One that is told
    /// to end hands back what it has not begun, such as messages that were delivered again a moment ago; then they are started
    /// once more.
    pub async fn end_workers(&mut self) {
        let Servers { broker, management, .. } = self.setup.servers();
        for _ in 0..3 {
            queue_is_empty(management, broker, PERSIST).await;
            for worker in &mut self.workers {
                assert!(worker.terminate().await.success());
            }
            if stays_empty(management, broker, PERSIST).await {
                return;
            }
            for worker in &mut self.workers {
                worker.restart();
                worker.ready().await;
            }
        }
        panic!("whenever the workers end there are messages left");
    }

    /// Deletes the queues of the live feed, as the broker does with those that nobody has used for long.
    pub async fn lose_live_queues(&self) {
        let Servers { broker, management, .. } = self.servers();
        let queues = eventually("the queues of the live feed are listed", async || {
            let queues = queues_named(management, broker, "citytrack.live.").await;
            (queues.len() == self.live.len()).then_some(queues)
        })
        .await;
        for queue in queues {
            delete_queue(management, broker, &queue).await;
        }
    }

    /// What every process has logged, by file, when that was asked for ([`Setup::logged`]).
    pub fn logs(&self) -> Vec<(String, String)> {
        let folder = self.setup.logs().expect("logs are kept");
        let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
        let read = |path: PathBuf| {
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            (path.file_name().unwrap().to_string_lossy().into_owned(), text)
        };
        files.map(read).collect()
    }

    /// The address of a path behind the gateway.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A request with a bearer token.
    pub fn request(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        self.client.request(method, self.url(path)).bearer_auth(token)
    }

    /// A call of the control API that must work.
    pub async fn control(&self, method: Method, path: &str, body: &Value) -> Value {
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
    pub async fn venue(&self, slug: &str) -> String {
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
    pub async fn viewer_token(&self, venue: &str) -> String {
        let request = json!({ "venues": [venue], "ttl": "1h" });
        let token = self.control(Method::POST, "/api/v1/viewer-tokens", &request).await;
        token["token"].as_str().unwrap().to_owned()
    }

    /// The answer of the counts API.
    pub async fn counts(&self, venue: &str, token: &str, query: &str) -> Value {
        let path = format!("/api/v1/venues/{venue}/counts?{query}");
        let answer = self.request(Method::GET, &path, token).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.json().await.unwrap()
    }

    /// The answer of the database to a question for one bigint.
    pub async fn number(&self, question: &str) -> i64 {
        let client = self.database.client().await.unwrap();
        client.query_one(question, &[]).await.unwrap().get(0)
    }

    /// Waits until a question to the database has this answer.
    pub async fn until(&self, question: &str, answer: i64) {
        eventually(&format!("{question} is {answer}"), async || {
            (self.number(question).await == answer).then_some(())
        })
        .await;
    }
}

/// The sum of a member over the buckets of a counts answer; holes count as nothing.
pub fn sum(counts: &Value, member: &str) -> i64 {
    counts["buckets"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|bucket| bucket[member].as_i64())
        .sum()
}
