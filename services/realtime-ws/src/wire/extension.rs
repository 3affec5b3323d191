//! Agreeing on permessage-deflate (RFC 7692, 7.1).

/// Both sides compress every message for itself.
const ANSWER: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
/// The same for a client that wants to hear about the window. A smaller one than all of deflate we cannot promise.
const ANSWER_WITH_WINDOW: &str =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=15";

/// Values of the parameters for the size of a window.
const WINDOW_BITS: [&str; 8] = ["8", "9", "10", "11", "12", "13", "14", "15"];

/// The answer to the first acceptable offer in the values of `Sec-WebSocket-Extensions`; `None` if there is none, and then
/// nothing is compressed.
pub(crate) fn accept_deflate<'a>(mut headers: impl Iterator<Item = &'a str>) -> Option<&'static str> {
    // Quoted values are tokens inside their quotes (RFC 6455, 9.1), so no comma or semicolon hides in them.
    headers.find_map(|header| header.split(',').find_map(answer))
}

fn answer(offer: &str) -> Option<&'static str> {
    let mut parts = offer.split(';').map(str::trim);
    if parts.next() != Some("permessage-deflate") {
        return None;
    }
    let mut answer = ANSWER;
    let mut seen = Vec::new();
    for part in parts {
        let (name, value) = parameter(part);
        let is_acceptable = match (name, value) {
            ("server_no_context_takeover" | "client_no_context_takeover" | "client_max_window_bits", None) => true,
            // Whatever window the client keeps to, ours is as large as any.
            ("client_max_window_bits", Some(bits)) => WINDOW_BITS.contains(&bits),
            ("server_max_window_bits", Some("15")) => {
                answer = ANSWER_WITH_WINDOW;
                true
            }
            _ => false,
        };
        if !is_acceptable || seen.contains(&name) {
            return None;
        }
        seen.push(name);
    }
    Some(answer)
}

/// `name`, `name=value` or `name="value"`.
fn parameter(text: &str) -> (&str, Option<&str>) {
    let Some((name, value)) = text.split_once('=') else {
        return (text, None);
    };
    let value = value.trim_start();
    let unquoted = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    (name.trim_end(), Some(unquoted.unwrap_or(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(header: &str) -> Option<&'static str> {
        accept_deflate([header].into_iter())
    }

    #[test]
    fn what_browsers_and_libraries_offer_is_accepted() {
        for offer in [
            "permessage-deflate",
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate;client_max_window_bits=15;client_no_context_takeover",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            " permessage-deflate ; client_max_window_bits = \"10\" ",
            "x-webkit-deflate-frame, permessage-deflate; client_max_window_bits",
        ] {
            assert_eq!(accept(offer), Some(ANSWER), "{offer}");
        }
    }

    #[test]
    fn a_window_is_promised_only_if_it_is_all_of_deflate() {
        assert_eq!(
            accept("permessage-deflate; server_max_window_bits=15"),
            Some(ANSWER_WITH_WINDOW)
        );
        assert_eq!(accept("permessage-deflate; server_max_window_bits=14"), None);
    }

    /// The example of RFC 7692, 7.1: a preferred offer, and one to fall back to.
    #[test]
    fn the_first_acceptable_offer_counts() {
        let offers = "permessage-deflate; client_max_window_bits; server_max_window_bits=10, \
                      permessage-deflate; client_max_window_bits";
        assert_eq!(accept(offers), Some(ANSWER));
        let lines = ["permessage-deflate; server_max_window_bits=10", "permessage-deflate"];
        assert_eq!(accept_deflate(lines.into_iter()), Some(ANSWER));
    }

    #[test]
    fn what_is_not_understood_is_declined() {
        for offer in [
            "",
            "permessage-bzip2",
            "permessage-deflate; unknown",
            "permessage-deflate; server_no_context_takeover=1",
            "permessage-deflate; client_max_window_bits=7",
            "permessage-deflate; client_max_window_bits=16",
            "permessage-deflate; client_max_window_bits=08",
            "permessage-deflate; server_max_window_bits",
            "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
            "permessage-deflate;",
        ] {
            assert_eq!(accept(offer), None, "{offer}");
        }
    }
}
