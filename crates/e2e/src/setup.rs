//! What a system is made of: its servers, how many of each service, and with which settings.

use std::path::Path;

use citytrack_testkit::{TestDatabase, TestVhost};
use reqwest::Client;
use tempfile::TempDir;

use crate::{
    System,
    process::{Process, free_port},
};

/// The bearer of this token may use the control API.
pub const ADMINISTRATOR: &str = "administrator-token-of-the-end-to-end-tests";
const SECRET: &str = "viewer-secret-of-the-end-to-end-tests-0123456789";

const SERVICES: [&str; 9] = [
    "ingest-api",
    "worker",
    "transform",
    "save",
    "journal",
    "realtime-ws",
    "stats",
    "console",
    "gateway",
];

/// Short timeouts, so that an outage is noticed in seconds: what the settings are for, only quicker.
const QUICK: [(&str, &str); 7] = [
    ("CITYTRACK_BROKER__HEARTBEAT", "2s"),
    ("CITYTRACK_PUBLISH__CONFIRM_TIMEOUT", "2s"),
    ("CITYTRACK_DATABASE__WAIT", "1s"),
    ("CITYTRACK_DATABASE__STATEMENT_TIMEOUT", "3s"),
    ("CITYTRACK_PERSIST__PING_INTERVAL", "500ms"),
    ("CITYTRACK_PERSIST__MAX_BACKOFF", "500ms"),
    ("CITYTRACK_GATEWAY__HEALTH__INTERVAL", "250ms"),
];

/// The servers that a system works with.
pub struct Servers {
    /// `postgres://user:password@host:port/database`
    pub database: String,
    /// `amqp://user:password@host:port/vhost`
    pub broker: String,
    /// RabbitMQ's management API, `http://user:password@host:port`.
    pub management: String,
    /// Deleted when the system is gone.
    _own: Option<(TestDatabase, TestVhost)>,
}

impl Servers {
    /// A database and a virtual host of its own on the test servers.
    pub async fn of_this_test() -> Self {
        let (database, vhost) = (TestDatabase::create().await, TestVhost::create().await);
        Self {
            database: database.url().to_owned(),
            broker: vhost.url(),
            management: vhost.management(),
            _own: Some((database, vhost)),
        }
    }

    /// Servers that somebody else looks after.
    pub fn given(database: &str, broker: &str, management: &str) -> Self {
        let [database, broker, management] = [database, broker, management].map(str::to_owned);
        Self {
            database,
            broker,
            management,
            _own: None,
        }
    }
}

/// What a [`System`] is made of: one of each service, unless more is asked for.
#[must_use]
pub struct Setup {
    servers: Servers,
    ingest: usize,
    workers: usize,
    /// Roles of the worker beside `persist`.
    roles: Vec<&'static str>,
    live: usize,
    /// Where the processes write what they log, if somebody wants to read it.
    logs: Option<TempDir>,
    /// Service, variable, value; later ones win.
    variables: Vec<(&'static str, &'static str, String)>,
}

impl Setup {
    /// One of each service on these servers.
    pub fn on(servers: Servers) -> Self {
        Self {
            servers,
            ingest: 1,
            workers: 1,
            roles: Vec::new(),
            live: 1,
            logs: None,
            variables: Vec::new(),
        }
    }

    /// One of each on a database and a virtual host of this test.
    pub async fn new() -> Self {
        Self::on(Servers::of_this_test().await)
    }

    /// The servers, whose URLs may be wanted for a proxy.
    pub fn servers(&self) -> &Servers {
        &self.servers
    }

    /// So many ingest-api.
    pub fn ingest(mut self, instances: usize) -> Self {
        self.ingest = instances;
        self
    }

    /// So many workers.
    pub fn workers(mut self, instances: usize) -> Self {
        self.workers = instances;
        self
    }

    /// The worker in one more role: `transform`, `save` or `journal`. Several times for several instances.
    pub fn role(mut self, role: &'static str) -> Self {
        self.roles.push(role);
        self
    }

    /// All that pictures need: one `transform`, one `save`.
    pub fn pictures(self) -> Self {
        self.role("transform").role("save")
    }

    /// So many realtime-ws.
    pub fn live(mut self, instances: usize) -> Self {
        self.live = instances;
        self
    }

    /// Keeps all that the processes log, with every detail (`debug`), for [`System::logs`].
    pub fn logged(mut self) -> Self {
        self.logs = Some(TempDir::new().unwrap());
        for service in SERVICES {
            self.variables
                .push((service, "CITYTRACK_LOG__LEVEL", "debug".to_owned()));
        }
        self
    }

    /// The folder of [`Self::logged`].
    pub(crate) fn logs(&self) -> Option<&Path> {
        self.logs.as_ref().map(TempDir::path)
    }

    /// A variable of every instance of one service, such as `("worker", "CITYTRACK_BROKER__URL", …)`.
    pub fn set(mut self, service: &'static str, variable: &'static str, value: &str) -> Self {
        self.variables.push((service, variable, value.to_owned()));
        self
    }

    /// Timeouts of seconds, so that the test of an outage is short.
    pub fn quick(mut self) -> Self {
        for service in SERVICES {
            self.variables
                .extend(QUICK.map(|(variable, value)| (service, variable, value.to_owned())));
        }
        self
    }

    /// Starts everything and waits until all are ready.
    pub async fn start(self) -> System {
        let ingest: Vec<_> = (0..self.ingest).map(|_| self.launch("ingest-api", &[])).collect();
        let workers: Vec<_> = (0..self.workers).map(|_| self.launch("worker", &[])).collect();
        let roles: Vec<_> = self.roles.iter().map(|role| self.launch(role, &[])).collect();
        let live: Vec<_> = (0..self.live).map(|_| self.launch("realtime-ws", &[])).collect();
        let [stats, console] = ["stats", "console"].map(|service| self.launch(service, &[]));
        let all = ingest.iter().chain(&workers).chain(&roles).chain(&live);
        for process in all.chain([&stats, &console]) {
            process.ready().await;
        }
        // Last, so that its first health checks find everything.
        let address = format!("127.0.0.1:{}", free_port());
        let pool = |processes: &[Process]| {
            let addresses = processes.iter().map(|process| process.http.as_str());
            addresses.collect::<Vec<_>>().join(",")
        };
        let gateway = self.launch(
            "gateway",
            &[
                ("CITYTRACK_GATEWAY__LISTEN", &address),
                ("CITYTRACK_GATEWAY__POOLS__INGEST_API", &pool(&ingest)),
                ("CITYTRACK_GATEWAY__POOLS__REALTIME_WS", &pool(&live)),
                ("CITYTRACK_GATEWAY__POOLS__STATS", &stats.http),
                ("CITYTRACK_GATEWAY__POOLS__CONSOLE", &console.http),
            ],
        );
        gateway.ready().await;
        System {
            ingest,
            workers,
            roles,
            live,
            stats,
            console,
            gateway,
            database: citytrack_testkit::database(&self.servers.database),
            address,
            client: Client::new(),
            setup: self,
        }
    }

    pub(crate) fn launch(&self, service: &str, own: &[(&str, &str)]) -> Process {
        let common = [
            ("CITYTRACK_DATABASE__URL", self.servers.database.as_str()),
            ("CITYTRACK_BROKER__URL", &self.servers.broker),
            ("CITYTRACK_VIEWER__SECRET", SECRET),
            ("CITYTRACK_ADMINISTRATOR__TOKEN", ADMINISTRATOR),
            ("CITYTRACK_LOG__LEVEL", "warn"),
        ];
        let given = self.variables.iter().filter(|(of, _, _)| *of == service);
        let given = given.map(|(_, variable, value)| (*variable, value.as_str()));
        let all = common.into_iter().chain(own.iter().copied()).chain(given);
        let all = all.map(|(variable, value)| (variable.to_owned(), value.to_owned()));
        Process::start(service, all.collect(), self.logs())
    }
}
