//! Where the load goes: an address on this machine, and nowhere else.

use std::net::{SocketAddr, ToSocketAddrs};

use anyhow::{Context, Result, bail, ensure};
use tokio::net::TcpStream;

/// An HTTP or WebSocket address on a loopback interface.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    /// For the `Host` header.
    pub(crate) host: String,
    pub(crate) path: String,
}

impl Target {
    /// Reads `http://` and `ws://` addresses. A load generator must never be pointed at someone else's machine by a slip.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let url: reqwest::Url = text.parse().with_context(|| format!("not an address: {text}"))?;
        ensure!(
            matches!(url.scheme(), "http" | "ws"),
            "{text}: only http:// and ws:// are driven"
        );
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            bail!("{text}: no host or port")
        };
        let bare = host.trim_matches(['[', ']']);
        let found = (bare, port)
            .to_socket_addrs()
            .with_context(|| format!("cannot resolve {host}"))?;
        let address = found.into_iter().find(|address| address.ip().is_loopback());
        Ok(Self {
            address: address
                .with_context(|| format!("{host} is not a loopback address: load stays on this machine"))?,
            host: format!("{host}:{port}"),
            path: url.path().to_owned(),
        })
    }

    /// A connection that sends at once what it is given.
    pub(crate) async fn connect(&self) -> Result<TcpStream> {
        let stream = TcpStream::connect(self.address).await;
        let stream = stream.with_context(|| format!("cannot connect to {}", self.address))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_driven() {
        let target = Target::parse("http://127.0.0.1:8080/api/v1/detections").unwrap();
        assert_eq!(
            (target.host.as_str(), target.path.as_str()),
            ("127.0.0.1:8080", "/api/v1/detections")
        );
        assert_eq!(
            Target::parse("ws://[::1]:81/x").unwrap().address,
            "[::1]:81".parse().unwrap()
        );
        for refused in [
            "http://192.0.2.1/",
            "https://127.0.0.1/",
            "http://10.0.0.1:80/",
            "nonsense",
            "ftp://localhost/",
        ] {
            assert!(Target::parse(refused).is_err(), "{refused}");
        }
    }
}
