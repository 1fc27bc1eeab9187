//! What is asked of the api, and what the answers should be.

use std::error::Error;

use reqwest::{Client, Method, Response, StatusCode, Url, header::HeaderMap};
use serde_json::{Value, json};

use super::Check;

/// The api under its address.
pub(super) struct Site {
    pub(super) http: Client,
    pub(super) url: Url,
}

/// An answer, or why there is none.
type Answer = Result<(StatusCode, HeaderMap, String), String>;

impl Site {
    /// All checks, in order.
    pub(super) async fn check(&self) -> Vec<Check> {
        let health = self.ask(Method::GET, "/api/health", None).await;
        let document = self.ask(Method::GET, "/api/openapi.json", None).await;
        let ready = self.ask(Method::GET, "/api/ready", None).await;
        let metrics = self.ask(Method::GET, "/api/metrics", None).await;
        // It lacks all that a job needs, too: an api that took anybody's would refuse it by that, with another status.
        let job = self.ask(Method::POST, "/api/v1/flashcards", Some(json!({}))).await;
        let mut checks = vec![
            transport(&self.url, &health),
            status("health", &health, &[200]),
            status("ready: Redis answers", &ready, &[200]),
            version(&document),
            replica(&health),
            status("monitoring is guarded", &metrics, &[403]),
            status("a request without a name is refused", &job, &[401]),
        ];
        checks.extend(headers(self.url.scheme() == "https", &health));
        checks
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut url = self.url.clone();
        url.set_path(&format!("{}{path}", self.url.path().trim_end_matches('/')));
        let mut request = self.http.request(method, url);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer: Response = request.send().await.map_err(|error| reason(&error))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        Ok((status, headers, answer.text().await.map_err(|error| reason(&error))?))
    }
}

/// The innermost cause, which says most.
fn reason(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

fn found(name: &'static str, ok: bool, found: impl Into<String>) -> Check {
    Check { name, ok, found: found.into() }
}

/// Whether what is sent can be read on the way. On this machine there is no way.
fn transport(url: &Url, answer: &Answer) -> Check {
    let local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    match (url.scheme(), answer) {
        (_, Err(reason)) => found("TLS", false, reason.clone()),
        ("https", Ok(_)) => found("TLS", true, "the certificate is trusted"),
        _ if local => found("TLS", true, "none, on this machine"),
        _ => found("TLS", false, "none: what is sent can be read on the way"),
    }
}

fn status(name: &'static str, answer: &Answer, wanted: &[u16]) -> Check {
    match answer {
        Ok((status, ..)) if wanted.contains(&status.as_u16()) => found(name, true, status.as_u16().to_string()),
        Ok((status, ..)) => found(name, false, format!("{}, and not {}", status.as_u16(), wanted[0])),
        Err(reason) => found(name, false, reason.clone()),
    }
}

fn version(document: &Answer) -> Check {
    let version = document.as_ref().ok().and_then(|(_, _, body)| {
        let body: Value = serde_json::from_str(body).ok()?;
        Some(body["info"]["version"].as_str()?.to_owned())
    });
    let own = env!("CARGO_PKG_VERSION");
    match version {
        Some(version) if version == own => found("version", true, version),
        Some(version) => found("version", false, format!("{version}, and this program is {own}")),
        None => found("version", false, "none is named"),
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn replica(health: &Answer) -> Check {
    let replica = health.as_ref().ok().and_then(|(_, headers, _)| header(headers, "x-replica-id"));
    found("replica", replica.is_some_and(|replica| !replica.is_empty()), replica.unwrap_or("no x-replica-id"))
}

/// What keeps browsers and caches from making something of an answer that it is not.
fn headers(tls: bool, health: &Answer) -> Vec<Check> {
    let Ok((_, headers, _)) = health else { return Vec::new() };
    let has = |name: &'static str, wanted: &str| match header(headers, name) {
        Some(value) if value.to_lowercase().contains(wanted) => found(name, true, value),
        Some(value) => found(name, false, format!("{value}, and not {wanted}")),
        None => found(name, false, format!("missing: {wanted} is expected")),
    };
    let mut checks = vec![
        has("x-content-type-options", "nosniff"),
        has("referrer-policy", "no-referrer"),
        has("cache-control", "no-store"),
    ];
    // Whoever ends TLS sets it, and may leave it to others: it is told, and not asked for.
    if tls {
        let name = "strict-transport-security";
        checks.push(found(name, true, header(headers, name).unwrap_or("not set: whoever ends TLS may set it")));
    }
    checks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> (StatusCode, HeaderMap, String) {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        (StatusCode::from_u16(status).unwrap(), headers, body.to_owned())
    }

    #[test]
    fn plain_http_is_right_on_this_machine_alone() {
        let health = Ok(answer(200, &[], ""));
        for (url, ok) in [
            ("http://localhost:3001", true),
            ("http://[::1]:1", true),
            ("http://api.example.org", false),
            ("https://api.example.org", true),
        ] {
            assert_eq!(transport(&url.parse().unwrap(), &health).ok, ok, "{url}");
        }
        assert!(!transport(&"https://api.example.org".parse().unwrap(), &Err("expired".to_owned())).ok);
    }

    #[test]
    fn a_wrong_status_and_no_answer_are_told() {
        assert!(status("x", &Ok(answer(403, &[], "")), &[403]).ok);
        let wrong = status("x", &Ok(answer(200, &[], "")), &[403]);
        assert_eq!((wrong.ok, wrong.found.as_str()), (false, "200, and not 403"));
        assert_eq!(status("x", &Err("refused".to_owned()), &[200]).found, "refused");
    }

    #[test]
    fn headers_that_are_missing_or_wrong_are_named() {
        let health = Ok(answer(200, &[("x-content-type-options", "nosniff"), ("cache-control", "max-age=5")], "{}"));
        let seen: Vec<_> = headers(false, &health).into_iter().map(|check| check.ok).collect();
        assert_eq!(seen, [true, false, false]);
        assert!(!replica(&health).ok && !version(&health).ok);
        let version_of = |of: &str| version(&Ok(answer(200, &[], &format!(r#"{{"info":{{"version":"{of}"}}}}"#))));
        assert!(version_of(env!("CARGO_PKG_VERSION")).ok && !version_of("0.0.0").ok);
    }
}
