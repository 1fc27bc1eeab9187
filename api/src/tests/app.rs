//! The router with a Redis that is not there.

use axum::{
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode},
};
use clap::Parser;
use serde_json::Value;
use shared::lifecycle::Lifecycle;
use tokio::net::TcpListener;
use tower::ServiceExt;

use crate::{AppState, Settings, router};

/// Few enough characters that a test can send more.
pub(super) const CONTENT_MAX_CHARS: usize = 1_000;

pub(super) struct App {
    pub(super) state: AppState,
    pub(super) lifecycle: Lifecycle,
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl App {
    /// With nobody listening on Redis' port.
    pub(super) async fn without_redis() -> Self {
        Self::without_redis_but(&[]).await
    }

    /// The same with more settings.
    pub(super) async fn without_redis_but(more: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        Self::with(port, more)
    }

    pub(super) fn with_redis_at(port: u16) -> Self {
        Self::with(port, &[])
    }

    fn with(port: u16, more: &[&str]) -> Self {
        let redis_url = format!("redis://127.0.0.1:{port}");
        let max_chars = CONTENT_MAX_CHARS.to_string();
        let mut args =
            vec!["api", "--auth", "trust-client", "--redis-url", &redis_url, "--content-max-chars", &max_chars];
        // What is paid for is refused while nobody can count; these tests are about what comes after that.
        args.extend(["--ip-general-limit-per-15min", "0"]);
        let settings = Settings::try_parse_from(args.iter().chain(more)).unwrap();
        let lifecycle = Lifecycle::new();
        let allowance = settings.call.allowance(settings.budget.limits());
        let (api, jobs) = (settings.api, settings.jobs);
        let state = AppState::start(api, &settings.redis, jobs, allowance, &settings.breaker, &lifecycle).unwrap();
        Self { state, lifecycle }
    }

    pub(super) async fn send(&self, method: Method, uri: &str, headers: &[(&str, &[u8])], body: Vec<u8>) -> Answer {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = router(self.state.clone()).oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let body =
            serde_json::from_slice(&bytes).unwrap_or_else(|_| panic!("{status}: the body is not JSON: {bytes:?}"));
        Answer { status, headers, body }
    }

    pub(super) async fn get(&self, uri: &str) -> Answer {
        self.send(Method::GET, uri, &[], Vec::new()).await
    }

    pub(super) async fn post_json(&self, uri: &str, body: impl Into<Vec<u8>>) -> Answer {
        self.send(Method::POST, uri, &[("content-type", b"application/json")], body.into()).await
    }
}
