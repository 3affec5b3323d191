//! Who is behind the proxies: the address of the client that a request came from.

use std::{net::IpAddr, str::FromStr};

use actix_web::http::header::HeaderMap;
use clap::Args;
use ipnet::IpNet;

const FORWARDED_FOR: &str = "x-forwarded-for";
const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// The proxies in front of a service.
#[derive(Args, Clone, Debug)]
pub struct ProxySettings {
    /// Addresses and networks of the proxies in front, between commas: what they say about a client's address is believed
    #[arg(
        id = "http-trusted-proxies",
        long = "http-trusted-proxies",
        env = "CITYTRACK_HTTP__TRUSTED_PROXIES",
        default_value = "127.0.0.0/8,::1/128"
    )]
    pub trusted: TrustedProxies,
}

/// Addresses and networks of proxies whose `X-Forwarded-For` is believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Whether `address` is one of them.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl FromStr for TrustedProxies {
    type Err = String;

    /// An empty list is fine: then only the peer itself is believed in.
    fn from_str(text: &str) -> Result<Self, String> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let networks = entries.map(|entry| {
            let address = entry.parse::<IpAddr>().map(IpNet::from);
            address
                .or_else(|_| entry.parse())
                .map_err(|_| format!("`{entry}` is neither an address nor a network such as 10.0.0.0/8"))
        });
        networks.collect::<Result<_, _>>().map(Self)
    }
}

/// The address of the client, which is the `peer` itself unless that is a trusted proxy. Every proxy appends to
/// `X-Forwarded-For` whom it heard, so that the list is read from its end for as long as whoever wrote an entry is trusted:
/// what a client claims about itself is never believed. `None` when the peer is not known.
pub fn client_address(headers: &HeaderMap, peer: Option<IpAddr>, trusted: &TrustedProxies) -> Option<IpAddr> {
    // A socket for IPv6 tells IPv4 addresses in disguise.
    let mut client = peer?.to_canonical();
    let lines: Vec<_> = headers.get_all(FORWARDED_FOR).collect();
    let mut heard = lines
        .iter()
        .rev()
        .flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
    while trusted.contains(client) {
        match heard.next().and_then(|entry| entry.trim().parse::<IpAddr>().ok()) {
            Some(address) => client = address.to_canonical(),
            None => break,
        }
    }
    Some(client)
}

/// Whether the client spoke TLS, as a trusted proxy says: CityTrack itself speaks plain HTTP. Of several proxies the first is
/// the one that the client spoke to.
pub fn came_over_tls(headers: &HeaderMap, peer: Option<IpAddr>, trusted: &TrustedProxies) -> bool {
    let is_trusted = peer.is_some_and(|peer| trusted.contains(peer.to_canonical()));
    let said = headers.get(FORWARDED_PROTO).and_then(|line| line.to_str().ok());
    let first = said.and_then(|line| line.split(',').next()).unwrap_or_default();
    is_trusted && first.trim().eq_ignore_ascii_case("https")
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    const PROXIES: &str = "127.0.0.0/8, ::1/128, 10.0.0.7";

    fn client(peer: &str, forwarded_for: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded_for {
            headers.append(
                HeaderName::from_static(FORWARDED_FOR),
                HeaderValue::from_str(line).unwrap(),
            );
        }
        let peer = Some(peer.parse().unwrap());
        let client = client_address(&headers, peer, &PROXIES.parse().unwrap());
        client.unwrap().to_string()
    }

    #[test]
    fn a_proxy_is_believed() {
        assert_eq!(client("127.0.0.1", &["1.2.3.4"]), "1.2.3.4");
        assert_eq!(client("::1", &["2001:db8::7"]), "2001:db8::7");
        assert_eq!(client("10.0.0.7", &["1.2.3.4"]), "1.2.3.4");
        assert_eq!(client("::ffff:127.0.0.1", &["::ffff:1.2.3.4"]), "1.2.3.4");
    }

    #[test]
    fn others_are_not() {
        assert_eq!(client("10.0.0.8", &["1.2.3.4"]), "10.0.0.8");
        assert_eq!(client("2001:db8::7", &["1.2.3.4"]), "2001:db8::7");
        assert_eq!(
            client("127.0.0.1", &["6.6.6.6, 1.2.3.4"]),
            "1.2.3.4",
            "nor who came through"
        );
        assert_eq!(client("127.0.0.1", &["6.6.6.6", "1.2.3.4"]), "1.2.3.4");
    }

    #[test]
    fn several_proxies_are_gone_through() {
        assert_eq!(client("127.0.0.1", &["6.6.6.6,1.2.3.4, 10.0.0.7"]), "1.2.3.4");
        assert_eq!(client("127.0.0.1", &["1.2.3.4", "10.0.0.7, 127.0.0.1"]), "1.2.3.4");
        assert_eq!(
            client("127.0.0.1", &["127.0.0.1"]),
            "127.0.0.1",
            "a client on the proxy's machine"
        );
    }

    #[test]
    fn what_cannot_be_read_ends_the_search() {
        for entry in [
            "",
            "unknown",
            "1.2.3.4, ",
            "1.2.3.4, x",
            "1.2.3.4:80",
            "1.2.3.4, \u{e9}",
        ] {
            assert_eq!(client("127.0.0.1", &[entry]), "127.0.0.1", "{entry}");
        }
        assert_eq!(client("127.0.0.1", &[]), "127.0.0.1");
        assert_eq!(client_address(&HeaderMap::new(), None, &PROXIES.parse().unwrap()), None);
    }

    #[test]
    fn only_a_proxy_tells_of_tls() {
        let tls = |peer: &str, said: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(said) = said {
                headers.insert(
                    HeaderName::from_static(FORWARDED_PROTO),
                    HeaderValue::from_str(said).unwrap(),
                );
            }
            came_over_tls(&headers, Some(peer.parse().unwrap()), &PROXIES.parse().unwrap())
        };
        assert!(tls("127.0.0.1", Some("https")) && tls("::ffff:10.0.0.7", Some("HTTPS, http")));
        for said in [None, Some("http"), Some(""), Some("http, https"), Some("https2")] {
            assert!(!tls("127.0.0.1", said), "{said:?}");
        }
        assert!(!tls("10.0.0.8", Some("https")), "a client says so itself");
        assert!(!came_over_tls(&HeaderMap::new(), None, &PROXIES.parse().unwrap()));
    }

    #[test]
    fn the_list_may_be_empty_but_not_wrong() {
        assert_eq!("".parse(), Ok(TrustedProxies::default()));
        let wrong = "127.0.0.1, gateway".parse::<TrustedProxies>();
        let message = "`gateway` is neither an address nor a network such as 10.0.0.0/8";
        assert_eq!(wrong, Err(message.to_owned()));
    }
}
