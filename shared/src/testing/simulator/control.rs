//! What steers the simulator over HTTP: everything under `/_sim`.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Query, State},
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Bill, ConfigPatch, FaultRule, SimulatorConfig, SpeechStats, Stats, state::Upstream};

/// Most calls in one answer of `GET /_sim/arrivals`.
const PAGE: usize = 100_000;

type Shared = State<Arc<Upstream>>;

pub(super) async fn health() -> Json<Value> {
    Json(json!({"status": "healthy", "service": "upstream-simulator"}))
}

pub(super) async fn add_fault(State(upstream): Shared, Json(rule): Json<FaultRule>) -> StatusCode {
    upstream.inject(rule);
    StatusCode::NO_CONTENT
}

pub(super) async fn clear_faults(State(upstream): Shared) -> StatusCode {
    upstream.clear_faults();
    StatusCode::NO_CONTENT
}

pub(super) async fn config(State(upstream): Shared) -> Json<SimulatorConfig> {
    Json(upstream.config())
}

pub(super) async fn configure(State(upstream): Shared, Json(patch): Json<ConfigPatch>) -> Json<SimulatorConfig> {
    Json(upstream.configure(&patch))
}

#[derive(Debug, Deserialize)]
pub(super) struct Page {
    #[serde(default)]
    since: u64,
    limit: Option<usize>,
}

/// One page of the log; the next one begins with the number `next`. An empty page is the end.
pub(super) async fn arrivals(State(upstream): Shared, Query(page): Query<Page>) -> Json<Value> {
    let arrivals = upstream.page(page.since, page.limit.unwrap_or(PAGE).min(PAGE));
    let next = arrivals.last().map_or(page.since, |last| last.index + 1);
    Json(json!({"arrivals": arrivals, "next": next}))
}

pub(super) async fn clear_arrivals(State(upstream): Shared) -> StatusCode {
    upstream.clear_arrivals();
    StatusCode::NO_CONTENT
}

#[derive(Debug, Deserialize)]
pub(super) struct Span {
    window_ms: Option<u64>,
}

/// By default over the window that the limits count in.
pub(super) async fn stats(State(upstream): Shared, Query(span): Query<Span>) -> Json<Stats> {
    let window_ms = span.window_ms.unwrap_or_else(|| upstream.config().window_ms);
    Json(upstream.stats(window_ms.saturating_mul(1_000)))
}

pub(super) async fn bill(State(upstream): Shared) -> Json<Bill> {
    Json(upstream.bill())
}

pub(super) async fn speech(State(upstream): Shared) -> Json<SpeechStats> {
    Json(upstream.speech.stats())
}

pub(super) async fn clear_speech(State(upstream): Shared) -> StatusCode {
    upstream.speech.clear();
    StatusCode::NO_CONTENT
}

pub(super) async fn hold(State(upstream): Shared) -> StatusCode {
    upstream.set_held(true);
    StatusCode::NO_CONTENT
}

pub(super) async fn release(State(upstream): Shared) -> StatusCode {
    upstream.set_held(false);
    StatusCode::NO_CONTENT
}

#[derive(Debug, Deserialize)]
pub(super) struct Wait {
    calls: u64,
    timeout_ms: Option<u64>,
}

/// Answers as soon as there were so many calls; 408 when the time is up before.
pub(super) async fn wait(State(upstream): Shared, Query(wait): Query<Wait>) -> (StatusCode, Json<Value>) {
    let time = Duration::from_millis(wait.timeout_ms.unwrap_or(30_000));
    let reached = tokio::select! {
        () = upstream.wait_for_calls(wait.calls) => true,
        () = tokio::time::sleep(time) => false,
        () = upstream.stop.cancelled() => false,
    };
    let status = if reached { StatusCode::OK } else { StatusCode::REQUEST_TIMEOUT };
    (status, Json(json!({"calls": upstream.calls(), "reached": reached})))
}
