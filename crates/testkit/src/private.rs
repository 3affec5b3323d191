//! Servers of one test, which may kill them: RabbitMQ and PostgreSQL as `scripts/test-servers` starts them, each in a folder
//! of its own and on ports of its own. They end with their values, also when the test process is killed.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

const ACCOUNT: &str = "citytrack";
/// The servers listen on the loopback only, and for as long as one test runs.
const PASSWORD: &str = "of-one-test";

/// A RabbitMQ of this test alone, with the management plugin.
pub struct PrivateBroker {
    server: Server,
}

impl PrivateBroker {
    /// Starts it; takes some six seconds.
    pub async fn start() -> Self {
        Self {
            server: Server::start("rabbitmq", &[]).await,
        }
    }

    /// Ends it at once (SIGKILL).
    pub async fn kill(&mut self) {
        self.server.order("kill").await;
    }

    /// Starts it again after [`Self::kill`], with the same data and ports.
    pub async fn restart(&mut self) {
        self.server.order("start").await;
    }

    /// `rabbitmqctl` with these arguments, which must work.
    pub async fn ctl(&mut self, arguments: &str) {
        self.server.order(&format!("ctl {arguments}")).await;
    }

    /// Where its files are, data and logs.
    pub fn folder(&self) -> &Path {
        &self.server.folder
    }

    /// For the settings of a service: its default virtual host.
    pub fn url(&self) -> String {
        format!("amqp://{ACCOUNT}:{PASSWORD}@127.0.0.1:{}/%2f", self.server.ports.first)
    }

    /// The management API, with user and password.
    pub fn management(&self) -> String {
        format!("http://{ACCOUNT}:{PASSWORD}@127.0.0.1:{}", self.server.ports.first + 1)
    }
}

/// A PostgreSQL of this test alone.
pub struct PrivatePostgres {
    server: Server,
}

/// What is special about a [`PrivatePostgres`].
#[derive(Clone, Copy, Debug, Default)]
pub struct PostgresOptions<'o> {
    /// Settings of the server, such as `max_connections=20`.
    pub settings: &'o [&'o str],
    /// The size of a disk of its own, mounted at [`PrivatePostgres::disk`], such as `32m`.
    pub disk: Option<&'o str>,
}

impl PrivatePostgres {
    /// Starts it; takes about a second.
    pub async fn start(options: PostgresOptions<'_>) -> Self {
        let disk = options.disk.map(|size| ["--disk", size]);
        let arguments: Vec<&str> = disk.iter().flatten().chain(options.settings).copied().collect();
        Self {
            server: Server::start("postgres", &arguments).await,
        }
    }

    /// Ends it and all its sessions at once (SIGKILL).
    pub async fn kill(&mut self) {
        self.server.order("kill").await;
    }

    /// Starts it again after [`Self::kill`], with the same data and port; it recovers from its log first.
    pub async fn restart(&mut self) {
        self.server.order("start").await;
    }

    /// For the settings of a service: the database `postgres`, as a superuser.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// Likewise, of another database.
    pub fn url_of(&self, database: &str) -> String {
        let port = self.server.ports.first;
        format!("postgres://{ACCOUNT}:{PASSWORD}@127.0.0.1:{port}/{database}")
    }

    /// Where all its files are, for those who look for bytes in them.
    pub fn folder(&self) -> &Path {
        &self.server.folder
    }

    /// Where the server sees the disk of [`PostgresOptions::disk`]; nobody else does.
    pub fn disk(&self) -> PathBuf {
        self.server.folder.join("disk")
    }
}

/// A server by its keeper, `scripts/lib/private-server`, which ends it when this end of the pipe is closed.
struct Server {
    keeper: Child,
    /// `None` when no more commands come.
    orders: Option<ChildStdin>,
    answers: Lines<BufReader<ChildStdout>>,
    folder: PathBuf,
    ports: Ports,
}

impl Server {
    async fn start(kind: &str, arguments: &[&str]) -> Self {
        let ports = Ports::claim();
        let keeper = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/lib/private-server");
        let mut keeper = Command::new(keeper)
            .args([kind, &ports.first.to_string(), PASSWORD])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Who ends a test ends its process group; the keeper must live on to clean up.
            .process_group(0)
            .spawn()
            .unwrap();
        let answers = BufReader::new(keeper.stdout.take().unwrap()).lines();
        let mut server = Self {
            orders: keeper.stdin.take(),
            keeper,
            answers,
            folder: PathBuf::new(),
            ports,
        };
        server.folder = server.order("start").await;
        server
    }

    /// Gives a command and waits until it is done.
    async fn order(&mut self, order: &str) -> PathBuf {
        let orders = self.orders.as_mut().expect("open until the end");
        let line = format!("{order}\n");
        let given = orders.write_all(line.as_bytes()).await;
        let answer = self.answers.next_line().await.unwrap();
        match (given, answer) {
            (Ok(()), Some(folder)) => folder.into(),
            _ => panic!("scripts/lib/private-server could not do: {order} (it says why on standard error)"),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.orders.take());
        // Blocking is right here: when the test has ended, its servers have ended, too.
        let deadline = Instant::now() + Duration::from_secs(15);
        while Instant::now() < deadline && matches!(self.keeper.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Ports that no other test uses, above those of all other tests and below those that the system hands out.
struct Ports {
    first: u16,
    /// Listening is the claim: it ends with the process, whatever ends that.
    _claim: TcpListener,
}

impl Ports {
    /// What `scripts/lib/rabbitmq.sh` uses, and one for the claim.
    const BLOCK: u16 = 30;
    const FIRST: u16 = 31_100;
    const END: u16 = 32_600;

    fn claim() -> Self {
        let mut blocks = (Self::FIRST..Self::END).step_by(Self::BLOCK.into());
        let claimed = blocks.find_map(|first| {
            let last = first + Self::BLOCK - 1;
            let claim = TcpListener::bind(("127.0.0.1", last)).ok()?;
            let free = (first..last).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok());
            free.then_some(Self { first, _claim: claim })
        });
        claimed.expect("a free block of ports between 31100 and 32600")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database;

    #[tokio::test]
    async fn a_killed_postgres_comes_back_with_what_was_committed_and_leaves_nothing_behind() {
        let mut postgres = PrivatePostgres::start(PostgresOptions::default()).await;
        let (url, folder) = (postgres.url(), postgres.server.folder.clone());
        let client = database(&url).client().await.unwrap();
        client
            .batch_execute("create table kept (number int); insert into kept values (17)")
            .await
            .unwrap();
        postgres.kill().await;
        assert!(client.simple_query("select 1").await.is_err());
        postgres.restart().await;
        let client = database(&url).client().await.unwrap();
        let kept: i32 = client.query_one("select number from kept", &[]).await.unwrap().get(0);
        assert_eq!(kept, 17);
        drop(postgres);
        assert!(!folder.exists());
        assert!(client.simple_query("select 1").await.is_err());
    }
}
