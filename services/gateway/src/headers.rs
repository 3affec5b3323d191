//! The headers that the gateway adds or replaces: request id and where a request came from.

use std::net::IpAddr;

use http::{HeaderName, HeaderValue, header::HOST};
use pingora::http::RequestHeader;
use uuid::Uuid;

/// Names a request across services and logs.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const FORWARDED: &str = "forwarded";
const FORWARDED_FOR: &str = "x-forwarded-for";
const FORWARDED_PROTO: &str = "x-forwarded-proto";
const FORWARDED_HOST: &str = "x-forwarded-host";
const LONGEST_REQUEST_ID: usize = 128;

/// The id that came with the request if it is a sane one, otherwise a new UUIDv7.
pub fn request_id(request: &RequestHeader) -> HeaderValue {
    if let Some(id) = request.headers.get(&REQUEST_ID).filter(|id| is_sane(id.as_bytes())) {
        return id.clone();
    }
    let mut buffer = Uuid::encode_buffer();
    let id = Uuid::now_v7().hyphenated().encode_lower(&mut buffer);
    // Never falls back: hexadecimal digits and hyphens are a header value.
    HeaderValue::from_str(id).unwrap_or_else(|_| HeaderValue::from_static("-"))
}

/// Ids end up in log lines and other systems: nothing that could be mistaken for markup, and not without end.
fn is_sane(id: &[u8]) -> bool {
    (1..=LONGEST_REQUEST_ID).contains(&id.len())
        && id
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:+/=".contains(byte))
}

/// Says where the request came from. What clients claim about that is replaced, unless they are proxies that are trusted:
/// then their claims stay and the address of the proxy is appended.
///
/// # Errors
/// When a header is refused, which these are not.
pub fn forward(request: &mut RequestHeader, client: Option<IpAddr>, trusted: bool) -> pingora::Result<()> {
    if !trusted {
        request.remove_header(FORWARDED);
        request.remove_header(FORWARDED_FOR);
        request.remove_header(FORWARDED_PROTO);
        request.remove_header(FORWARDED_HOST);
    }
    if let Some(client) = client {
        request.append_header(FORWARDED_FOR, client.to_string())?;
    }
    if !request.headers.contains_key(FORWARDED_PROTO) {
        request.insert_header(FORWARDED_PROTO, "http")?;
    }
    if !request.headers.contains_key(FORWARDED_HOST)
        && let Some(host) = request.headers.get(HOST).cloned()
    {
        request.insert_header(FORWARDED_HOST, host)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&'static str, &str)]) -> RequestHeader {
        let mut request = RequestHeader::build("GET", b"/", None).unwrap();
        for (name, value) in headers {
            request.append_header(*name, value.to_string()).unwrap();
        }
        request
    }

    fn all(request: &RequestHeader, name: &str) -> Vec<String> {
        request
            .headers
            .get_all(name)
            .iter()
            .map(|value| value.to_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn a_sane_id_is_kept_and_others_are_replaced() {
        assert_eq!(request_id(&request(&[("X-Request-Id", "shop-42")])), "shop-42");
        let long = "x".repeat(129);
        for wrong in ["", "two words", "<b>", long.as_str()] {
            let id = request_id(&request(&[("X-Request-Id", wrong)]));
            let id: Uuid = id.to_str().unwrap().parse().unwrap();
            assert_eq!(id.get_version_num(), 7, "{wrong}");
        }
    }

    #[test]
    fn claims_of_clients_are_replaced() {
        let mut request = request(&[
            ("Host", "city.example"),
            ("X-Forwarded-For", "6.6.6.6"),
            ("X-Forwarded-Proto", "https"),
        ]);
        forward(&mut request, Some("10.1.2.3".parse().unwrap()), false).unwrap();
        assert_eq!(all(&request, "x-forwarded-for"), ["10.1.2.3"]);
        assert_eq!(all(&request, "x-forwarded-proto"), ["http"]);
        assert_eq!(all(&request, "x-forwarded-host"), ["city.example"]);
    }

    #[test]
    fn claims_of_trusted_proxies_are_kept() {
        let mut request = request(&[
            ("Host", "gateway:8080"),
            ("X-Forwarded-For", "6.6.6.6"),
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Host", "city.example"),
        ]);
        forward(&mut request, Some("10.1.2.3".parse().unwrap()), true).unwrap();
        assert_eq!(all(&request, "x-forwarded-for"), ["6.6.6.6", "10.1.2.3"]);
        assert_eq!(all(&request, "x-forwarded-proto"), ["https"]);
        assert_eq!(all(&request, "x-forwarded-host"), ["city.example"]);
    }
}
