//! What this process counts of its requests, for `/metrics`.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use shared::{
    label_values,
    telemetry::{
        Counters, Histograms, Label, Page, combinations,
        metrics::{HTTP_REQUESTS, HTTP_SECONDS, REFUSALS},
    },
};

use crate::error::Refusal;

/// Counts requests by route, and never by path: the number of series is that of our routes.
#[derive(Debug)]
pub(crate) struct HttpMetrics {
    requests: Counters<3>,
    seconds: Histograms<2>,
    refusals: Counters<1>,
}

impl HttpMetrics {
    /// Creates the series of `routes` with the value 0. Other series begin with their first request:
    /// those of 404 and 405, HEAD and OPTIONS.
    pub(crate) fn new(routes: &[(&'static str, &'static str)]) -> Self {
        let requests = routes.iter().flat_map(|(route, method)| {
            StatusClass::ALL.iter().map(|class| [(*route).into(), (*method).into(), class.as_str().into()])
        });
        Self {
            requests: Counters::new(&HTTP_REQUESTS, requests),
            seconds: Histograms::new(
                &HTTP_SECONDS,
                routes.iter().map(|(route, method)| [(*route).into(), (*method).into()]),
            ),
            refusals: Counters::new(&REFUSALS, combinations(&[Refusal::values()])),
        }
    }

    /// A request was answered after this long.
    pub(crate) fn answered(
        &self,
        route: &str,
        method: &Method,
        status: StatusCode,
        refusal: Option<Refusal>,
        took: Duration,
    ) {
        let (route, method) = (|| route.to_owned().into(), name(method));
        self.requests.add([route(), method.into(), StatusClass::of(status).as_str().into()], 1.0);
        self.seconds.observe([route(), method.into()], took.as_secs_f64());
        if let Some(refusal) = refusal {
            self.refusals.add([refusal.as_str().into()], 1.0);
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

label_values! {
    /// The classes of final statuses.
    enum StatusClass {
        Success = "2xx",
        Redirection = "3xx",
        ClientError = "4xx",
        ServerError = "5xx",
    }
}

impl StatusClass {
    const fn of(status: StatusCode) -> Self {
        match status.as_u16() / 100 {
            2 => Self::Success,
            3 => Self::Redirection,
            4 => Self::ClientError,
            _ => Self::ServerError,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_makes_up_is_no_label() {
        let metrics = HttpMetrics::new(&[("/api/v1/jobs", "GET")]);
        let brew = Method::from_bytes(b"BREW-1742").unwrap();
        let second = Duration::from_secs(1);
        metrics.answered("none", &brew, StatusCode::NOT_FOUND, None, second);
        metrics.answered("/api/v1/jobs", &Method::GET, StatusCode::TOO_MANY_REQUESTS, Some(Refusal::UserLimit), second);
        let mut page = Page::default();
        metrics.show(&mut page);
        let text = page.text();
        assert!(!text.contains("BREW"), "{text}");
        assert!(text.contains("{route=\"none\",method=\"other\",status=\"4xx\"} 1"), "{text}");
        assert!(text.contains("unilingo_refusals_total{reason=\"user_rate_limit_exceeded\"} 1"), "{text}");
    }

    #[test]
    fn the_series_of_a_route_begin_at_0() {
        let mut page = Page::default();
        HttpMetrics::new(&[("/api/v1/jobs", "GET")]).show(&mut page);
        let text = page.text();
        for line in [
            "unilingo_http_requests_total{route=\"/api/v1/jobs\",method=\"GET\",status=\"5xx\"} 0.0",
            "unilingo_http_request_duration_seconds_count{route=\"/api/v1/jobs\",method=\"GET\"} 0",
            "unilingo_refusals_total{reason=\"queue_full\"} 0.0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
    }
}
