//! A name for every request, the client's own where it gave one.

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use uuid::Uuid;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");
const LONGEST: usize = 128;

/// The id of the request at hand, in its extensions.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(HeaderValue);

impl RequestId {
    /// For logs: visible ASCII only.
    pub(crate) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// The client's id, if it can stand in a log line and an answer as it is; else one of our own.
    fn choose(given: Option<&HeaderValue>) -> Self {
        match given.filter(|value| acceptable(value.as_bytes())) {
            Some(value) => Self(value.clone()),
            None => Self(own()),
        }
    }
}

fn acceptable(bytes: &[u8]) -> bool {
    (1..=LONGEST).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
}

fn own() -> HeaderValue {
    let text = Uuid::now_v7().as_hyphenated().to_string();
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("none"))
}

/// Names the request and returns the name.
pub(crate) async fn request_id(mut request: Request, next: Next) -> Response {
    let id = RequestId::choose(request.headers().get(HEADER));
    request.extensions_mut().insert(id.clone());
    let mut response = next.run(request).await;
    response.headers_mut().insert(HEADER, id.0);
    response
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
