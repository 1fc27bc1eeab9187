//! A name for every request, the client's own where it gave one.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");
const LONGEST: usize = 128;

/// The id of the request at hand.
#[derive(Debug)]
pub(super) struct RequestId(HeaderValue);

impl RequestId {
    /// Of the request with these headers.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        Self::choose(headers.get(HEADER))
    }

    /// For logs: visible ASCII only.
    pub(super) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// The client's id, if it can stand in a log line and an answer as it is; else one of our own.
    fn choose(given: Option<&HeaderValue>) -> Self {
        match given.filter(|value| acceptable(value.as_bytes())) {
            Some(value) => Self(value.clone()),
            None => Self(own()),
        }
    }

    /// Tells it in the headers of the answer.
    pub(super) fn tell(self, answer: &mut HeaderMap) {
        answer.insert(HEADER, self.0);
    }
}

fn acceptable(bytes: &[u8]) -> bool {
    (1..=LONGEST).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
}

fn own() -> HeaderValue {
    let text = Uuid::now_v7().as_hyphenated().to_string();
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(given: &[u8]) -> String {
        RequestId::choose(HeaderValue::from_bytes(given).ok().as_ref()).as_str().to_owned()
    }

    #[test]
    fn keeps_an_id_of_visible_ascii() {
        let longest = "x".repeat(LONGEST);
        for given in ["a", "01-Ab_{}~!", &longest] {
            assert_eq!(choose(given.as_bytes()), given);
        }
    }

    #[test]
    fn makes_its_own_where_the_given_one_would_spoil_a_log() {
        let too_long = "x".repeat(LONGEST + 1);
        for given in [&b""[..], b"a b", "ä".as_bytes(), b"\xff", b"a\tb", too_long.as_bytes()] {
            assert!(Uuid::try_parse(&choose(given)).is_ok(), "{given:?}");
        }
        assert_ne!(choose(b""), choose(b""));
    }
}
