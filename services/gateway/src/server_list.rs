//! A list of servers as it is written in a setting: `host:port, host:port backup`.

use std::str::FromStr;

/// The servers of one pool as they are written in a setting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerList(pub Vec<ServerSpec>);

/// One entry of a [`ServerList`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerSpec {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Whether it serves only when no other is healthy.
    pub backup: bool,
}

/// Why a list of servers cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ServerListError {
    /// Something other than `host:port`.
    #[error("`{0}` is not host:port")]
    Address(String),
    /// A word after the address that is not `backup`.
    #[error("`{0}`: only the word `backup` may follow host:port")]
    Mark(String),
}

impl FromStr for ServerList {
    type Err = ServerListError;

    /// An empty list is fine: the pool then answers 503.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        entries.map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl FromStr for ServerSpec {
    type Err = ServerListError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut words = text.split_whitespace();
        let address = words.next().unwrap_or_default();
        let backup = match (words.next(), words.next()) {
            (None, _) => false,
            (Some("backup"), None) => true,
            _ => return Err(ServerListError::Mark(text.to_owned())),
        };
        let wrong = || ServerListError::Address(text.to_owned());
        let (host, port) = address.rsplit_once(':').ok_or_else(wrong)?;
        let host = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        if host.is_empty() || host.contains('/') {
            return Err(wrong());
        }
        Ok(Self {
            host: host.to_owned(),
            port: port.parse().map_err(|_| wrong())?,
            backup,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_servers_is_read() {
        let ServerList(servers) = "127.0.0.1:21100, ingest.internal:80 backup,[::1]:9".parse().unwrap();
        let spec = |host: &str, port, backup| ServerSpec {
            host: host.to_owned(),
            port,
            backup,
        };
        assert_eq!(
            servers,
            [
                spec("127.0.0.1", 21100, false),
                spec("ingest.internal", 80, true),
                spec("::1", 9, false)
            ]
        );
        assert_eq!("".parse::<ServerList>().unwrap(), ServerList::default());
    }

    #[test]
    fn a_wrong_list_is_refused() {
        for wrong in [
            "localhost",
            "localhost:x",
            ":80",
            "http://a:80",
            "a:80 spare",
            "a:80 backup now",
        ] {
            assert!(wrong.parse::<ServerList>().is_err(), "{wrong}");
        }
    }
}
