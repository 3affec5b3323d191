//! A built program, running.

use std::{
    fs::{self, File},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    time::Duration,
};

use citytrack_testkit::eventually_within;
use serde_json::Value;

/// The longest that a service may need to notice a fault or its end: a few of its own timeouts, one after the other.
const PATIENCE: Duration = Duration::from_secs(25);

/// A process that ends with this value.
pub struct Process {
    service: String,
    variables: Vec<(String, String)>,
    /// The file for what it logs; none for this process's own standard error.
    log: Option<PathBuf>,
    child: Child,
    /// Where its API listens (`host:port`), if it has one.
    pub http: String,
    /// Where its admin listener answers.
    admin: String,
}

impl Process {
    /// Starts a service with these variables on two free ports; what it logs goes to a file in `logs`, if there is such a
    /// folder. `worker` is the worker in the role `persist`; its other roles are called like themselves.
    pub(crate) fn start(service: &str, mut variables: Vec<(String, String)>, logs: Option<&Path>) -> Self {
        let [http, admin] = [free_port(), free_port()].map(|port| format!("127.0.0.1:{port}"));
        variables.push(("CITYTRACK_HTTP__LISTEN".to_owned(), http.clone()));
        variables.push(("CITYTRACK_ADMIN__LISTEN".to_owned(), admin.clone()));
        let log = logs.map(|folder| folder.join(format!("{service}-{http}.log")));
        Self {
            child: spawn(service, &variables, log.as_deref()),
            service: service.to_owned(),
            variables,
            log,
            http,
            admin,
        }
    }

    /// Ends it at once, without a chance to say goodbye (SIGKILL).
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again as it was, on the same ports, after [`Self::kill`] or [`Self::terminate`].
    pub fn restart(&mut self) {
        self.child = spawn(&self.service, &self.variables, self.log.as_deref());
    }

    /// Ends it as an operator would (SIGTERM) and waits until it has finished what it holds.
    pub async fn terminate(&mut self) -> ExitStatus {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let child = &mut self.child;
        let what = format!("the end of {} after SIGTERM", self.service);
        eventually_within(PATIENCE, &what, async || child.try_wait().unwrap()).await
    }

    /// What `/readyz` answers: whether it is ready, and why not.
    pub async fn readiness(&self) -> Option<(bool, Value)> {
        let answer = reqwest::get(format!("http://{}/readyz", self.admin)).await.ok()?;
        let ready = answer.status() == 200;
        Some((ready, answer.json().await.unwrap_or_default()))
    }

    /// Waits until it says that it can do its work.
    pub async fn ready(&self) {
        eventually_within(PATIENCE, &format!("{} is ready", self.service), async || {
            self.readiness().await.filter(|(ready, _)| *ready).map(drop)
        })
        .await;
    }

    /// Waits until it says that it cannot, and returns what it says.
    pub async fn not_ready(&self) -> Value {
        eventually_within(PATIENCE, &format!("{} is not ready", self.service), async || {
            self.readiness().await.filter(|(ready, _)| !*ready).map(|(_, why)| why)
        })
        .await
    }

    /// The sum of a metric's series whose labels contain `label`, as `/metrics` tells it now.
    pub async fn metric(&self, name: &str, label: &str) -> f64 {
        let page = reqwest::get(format!("http://{}/metrics", self.admin)).await.unwrap();
        let page = page.text().await.unwrap();
        let series = page.lines().filter_map(|line| line.rsplit_once(' '));
        let wanted = series.filter(|(series, _)| series.split('{').next() == Some(name) && series.contains(label));
        wanted.map(|(_, value)| value.parse::<f64>().unwrap()).sum()
    }

    /// Waits until such a metric has counted something.
    pub async fn metric_above_zero(&self, name: &str, label: &str) {
        let what = format!("{} counts {name} {label}", self.service);
        eventually_within(PATIENCE, &what, async || {
            (self.metric(name, label).await > 0.0).then_some(())
        })
        .await;
    }

    /// The most memory that it has had, in bytes.
    pub fn peak_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let kibibytes: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
        kibibytes << 10
    }

    /// The process id, for what only the system can do to it.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(service: &str, variables: &[(String, String)], log: Option<&Path>) -> Child {
    let append = |path| Stdio::from(File::options().create(true).append(true).open(path).unwrap());
    let role = match service {
        "worker" => Some("persist"),
        "transform" | "save" | "journal" => Some(service),
        _ => None,
    };
    Command::new(binary(role.map_or(service, |_| "worker")))
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .args(role)
        .stdout(log.map_or_else(Stdio::null, append))
        .stderr(log.map_or_else(Stdio::inherit, append))
        .spawn()
        .unwrap()
}

/// A built binary: they lie beside the test's own folder, `target/<profile>/deps`.
pub fn binary(name: &str) -> PathBuf {
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
pub(crate) fn free_port() -> u16 {
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
