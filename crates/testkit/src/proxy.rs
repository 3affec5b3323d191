//! A TCP proxy that can break: put between a service and its broker or database, it makes a network that is cut or falls
//! silent.

use std::net::SocketAddr;

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream, lookup_host},
    sync::watch,
    task::JoinSet,
};

/// More connections than any test needs; the proxy stops the test before it becomes the load itself.
const MOST_CONNECTIONS: usize = 500;

/// Forwards connections on a port of its own to one target until told otherwise; ends with this value.
pub struct Proxy {
    address: SocketAddr,
    network: watch::Sender<Network>,
    accepting: tokio::task::JoinHandle<()>,
}

/// What the network does now, and how often it has broken: a connection must notice a fault that is over already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    state: State,
    cuts: u64,
    freezes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Whole,
    Cut,
    Frozen,
}

impl Proxy {
    /// A proxy to `target`, which is `host:port`.
    pub async fn start(target: &str) -> Self {
        let target = lookup_host(target).await.unwrap().next().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let network = watch::Sender::new(Network {
            state: State::Whole,
            cuts: 0,
            freezes: 0,
        });
        #[expect(clippy::disallowed_methods, reason = "a test has no lifecycle")]
        let accepting = tokio::spawn(accept(listener, target, network.subscribe()));
        Self {
            address,
            network,
            accepting,
        }
    }

    /// A proxy to the server of a URL, and the same URL by way of the proxy.
    pub async fn before(url: &str) -> (Self, String) {
        let target = server_of(url);
        let proxy = Self::start(target).await;
        let through = url.replacen(target, &proxy.address.to_string(), 1);
        (proxy, through)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Resets every connection, frozen ones too (both ends get an RST), and every new one until [`Self::heal`].
    pub fn cut(&self) {
        self.network.send_modify(|network| {
            network.state = State::Cut;
            network.cuts += 1;
        });
    }

    /// Falls silent without a word: nothing more passes, nobody is told. What is sent into the open connections is lost, and
    /// they stay dead also after [`Self::heal`], as when a firewall forgot them; only [`Self::cut`] ends them. New
    /// connections are accepted and hang likewise.
    pub fn freeze(&self) {
        self.network.send_modify(|network| {
            network.state = State::Frozen;
            network.freezes += 1;
        });
    }

    /// New connections pass again.
    pub fn heal(&self) {
        self.network.send_modify(|network| network.state = State::Whole);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// `host:port` of a URL.
fn server_of(url: &str) -> &str {
    let authority = url.split("://").nth(1).and_then(|rest| rest.split('/').next());
    authority
        .and_then(|authority| authority.rsplit('@').next())
        .filter(|server| server.contains(':'))
        .expect("the URL holds host:port")
}

/// Every connection is a task of this one, so that all end together.
async fn accept(listener: TcpListener, target: SocketAddr, network: watch::Receiver<Network>) {
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        while connections.try_join_next().is_some() {}
        assert!(
            connections.len() < MOST_CONNECTIONS,
            "too many connections through one proxy"
        );
        connections.spawn(serve(client, target, network.clone()));
    }
}

async fn serve(mut client: TcpStream, target: SocketAddr, mut network: watch::Receiver<Network>) {
    let born = *network.borrow_and_update();
    let mut server = None;
    if born.state == State::Whole {
        tokio::select! {
            () = forward(&mut client, &mut server, target) => return,
            _ = network.wait_for(|now| now.cuts != born.cuts || now.freezes != born.freezes) => {}
        }
    }
    // Frozen, until somebody cuts.
    let _ = network
        .wait_for(|now| now.state == State::Cut || now.cuts != born.cuts)
        .await;
    for stream in [Some(client), server].into_iter().flatten() {
        let _already_gone = stream.set_zero_linger();
    }
}

/// Until one side has closed; a server that is away resets the client.
async fn forward(client: &mut TcpStream, server: &mut Option<TcpStream>, target: SocketAddr) {
    let Ok(connected) = TcpStream::connect(target).await else {
        let _ = client.set_zero_linger();
        return;
    };
    let server = server.insert(connected);
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    if copy_bidirectional(client, server).await.is_err() {
        let _ = (client.set_zero_linger(), server.set_zero_linger());
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        time::{Duration, timeout},
    };

    use super::*;

    /// A server that repeats what it hears, behind a proxy.
    async fn echo() -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        #[expect(clippy::disallowed_methods, reason = "a test has no lifecycle")]
        tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                connections.spawn(async move {
                    let (mut read, mut write) = stream.split();
                    let _ = tokio::io::copy(&mut read, &mut write).await;
                });
            }
        });
        Proxy::start(&address).await
    }

    async fn said(stream: &mut TcpStream, word: &[u8; 4]) -> std::io::Result<[u8; 4]> {
        let mut heard = [0; 4];
        stream.write_all(word).await?;
        stream.read_exact(&mut heard).await?;
        Ok(heard)
    }

    #[tokio::test]
    async fn a_cut_resets_what_is_open_and_what_comes_and_heals() {
        let proxy = echo().await;
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(said(&mut stream, b"ping").await.unwrap(), *b"ping");
        proxy.cut();
        assert_eq!(stream.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        let mut refused = TcpStream::connect(proxy.address()).await.unwrap();
        assert!(said(&mut refused, b"ping").await.is_err());
        proxy.heal();
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(said(&mut stream, b"pong").await.unwrap(), *b"pong");
        // Over before anybody could look.
        proxy.cut();
        proxy.heal();
        assert_eq!(stream.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    }

    #[tokio::test]
    async fn a_frozen_connection_stays_silent_after_healing_until_it_is_cut() {
        let proxy = echo().await;
        let mut old = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(said(&mut old, b"ping").await.unwrap(), *b"ping");
        proxy.freeze();
        let mut hanging = TcpStream::connect(proxy.address()).await.unwrap();
        // However long we waited, that nothing will ever come could not be seen; that nothing comes at once can.
        let silent = async |stream: &mut TcpStream| {
            stream.write_all(b"ping").await.unwrap();
            timeout(Duration::from_millis(50), stream.read_u8()).await.is_err()
        };
        assert!(silent(&mut old).await && silent(&mut hanging).await);
        proxy.heal();
        let mut new = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(said(&mut new, b"pong").await.unwrap(), *b"pong");
        assert!(silent(&mut old).await && silent(&mut hanging).await);
        proxy.cut();
        for silent in [&mut old, &mut hanging] {
            assert_eq!(silent.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        }
    }

    #[test]
    fn the_server_of_a_url() {
        assert_eq!(server_of("amqp://user:pass@127.0.0.1:22672/vhost"), "127.0.0.1:22672");
        assert_eq!(server_of("http://127.0.0.1:80"), "127.0.0.1:80");
    }
}
