//! What this process counts of its requests, for `/metrics`.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use shared::telemetry::{
    Counters, Histograms, Page,
    metrics::{HTTP_REQUESTS, HTTP_SECONDS, REFUSALS},
};

/// Counts requests by route, and never by path: the number of series is that of our routes.
#[derive(Debug)]
pub(crate) struct HttpMetrics {
    requests: Counters<3>,
    seconds: Histograms<2>,
    refusals: Counters<1>,
}

impl HttpMetrics {
    pub(crate) fn new() -> Self {
        Self {
            requests: Counters::new(&HTTP_REQUESTS, []),
            seconds: Histograms::new(&HTTP_SECONDS, []),
            refusals: Counters::new(&REFUSALS, []),
        }
    }

    /// A request was answered after this long; `code` is that of the error, where it is one.
    pub(crate) fn answered(
        &self,
        route: &str,
        method: &Method,
        status: StatusCode,
        code: Option<&str>,
        took: Duration,
    ) {
        let (route, method) = (|| route.to_owned().into(), name(method));
        self.requests.add([route(), method.into(), class(status).into()], 1.0);
        self.seconds.observe([route(), method.into()], took.as_secs_f64());
        if let Some(code) = code.filter(|code| is_refusal(status, code)) {
            self.refusals.add([code.to_owned().into()], 1.0);
        }
    }

    pub(crate) fn show(&self, page: &mut Page) {
        self.requests.show(page);
        self.seconds.show(page);
        self.refusals.show(page);
    }
}

/// A method is a word that the client chooses.
fn name(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

const fn class(status: StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}

/// Whether a good request was turned away. The codes of these are our own, and few.
fn is_refusal(status: StatusCode, code: &str) -> bool {
    matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) || code == "user_suspended"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_makes_up_is_no_label() {
        let metrics = HttpMetrics::new();
        let brew = Method::from_bytes(b"BREW-1742").unwrap();
        let second = Duration::from_secs(1);
        metrics.answered("none", &brew, StatusCode::NOT_FOUND, Some("not_found"), second);
        metrics.answered("/api/v1/jobs", &Method::GET, StatusCode::TOO_MANY_REQUESTS, Some("user_limit"), second);
        let mut page = Page::default();
        metrics.show(&mut page);
        let text = page.text();
        assert!(!text.contains("BREW") && !text.contains("not_found"), "{text}");
        assert!(text.contains("{route=\"none\",method=\"other\",status=\"4xx\"} 1"), "{text}");
        assert!(text.contains("unilingo_refusals_total{reason=\"user_limit\"} 1"), "{text}");
    }
}
