//! What a worker tells about itself over HTTP.
//!
//! `/api/health` is for people and for platforms that restart what does not answer: it answers 200 whatever Redis does,
//! since a restart of the worker would not mend Redis. `/api/ready` says whether the worker can take jobs. `/metrics` is for Prometheus.

use std::{io, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::IntoResponse,
    routing::get,
};
use serde::Serialize;
use shared::{
    clock,
    lifecycle::Lifecycle,
    queue::WorkerStats,
    redis::RedisPool,
    scaling::Service,
    telemetry::{self, Page, metrics::REDIS_UP, show_process},
    timestamp::rfc3339,
};
use tokio::{net::TcpListener, time::Instant};
use tokio_util::sync::CancellationToken;

/// Redis has this long to answer. A health check must be quick to be told from a hang.
const REDIS_PATIENCE: Duration = Duration::from_millis(150);

/// What the answers are made of.
#[derive(Debug, Clone)]
pub struct Health {
    redis: RedisPool,
    stats: Arc<WorkerStats>,
    service: Service,
    started: Instant,
    drain: CancellationToken,
}

impl Health {
    /// Of a worker that starts now.
    #[must_use]
    pub fn new(redis: RedisPool, stats: Arc<WorkerStats>, service: Service, lifecycle: &Lifecycle) -> Self {
        Self { redis, stats, service, started: Instant::now(), drain: lifecycle.drain().clone() }
    }

    async fn redis_answers(&self) -> bool {
        matches!(tokio::time::timeout(REDIS_PATIENCE, self.redis.ping()).await, Ok(Ok(())))
    }
}

/// Answers on `listener` until everything must end: a worker that drains can still be asked how it is.
///
/// # Errors
///
/// When the listener fails.
pub async fn serve(listener: TcpListener, health: Health, lifecycle: &Lifecycle) -> io::Result<()> {
    let router = Router::new()
        .route("/api/health", get(report))
        .route("/api/ready", get(ready))
        .route("/metrics", get(metrics))
        .with_state(Arc::new(health));
    tokio::select! {
        served = axum::serve(listener, router) => served,
        () = lifecycle.leave().cancelled() => Ok(()),
    }
}

#[derive(Serialize)]
struct Report {
    status: &'static str,
    service: &'static str,
    /// Seconds.
    uptime: f64,
    stats: Stats,
    timestamp: String,
    pid: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Stats {
    processed: u64,
    succeeded: u64,
    failed: u64,
    currently_processing: u64,
    peak_concurrency: u64,
    /// Percent; 100 as long as nothing has ended.
    success_rate: f64,
}

impl From<&WorkerStats> for Stats {
    fn from(stats: &WorkerStats) -> Self {
        let (succeeded, failed) = (stats.succeeded(), stats.failed());
        Self {
            // From the same two readings, so that the figures of one answer agree.
            processed: succeeded + failed,
            succeeded,
            failed,
            currently_processing: stats.running(),
            peak_concurrency: stats.peak(),
            success_rate: success_rate(succeeded, failed),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a percentage with two digits behind the point")]
fn success_rate(succeeded: u64, failed: u64) -> f64 {
    match succeeded + failed {
        0 => 100.0,
        processed => (succeeded as f64 / processed as f64 * 10_000.0).round() / 100.0,
    }
}

async fn report(State(health): State<Arc<Health>>) -> Json<Report> {
    let status = if health.redis_answers().await { "healthy" } else { "degraded" };
    Json(Report {
        status,
        service: "worker",
        uptime: health.started.elapsed().as_secs_f64(),
        stats: Stats::from(&*health.stats),
        timestamp: rfc3339(clock::unix_ms()),
        pid: std::process::id(),
    })
}

#[derive(Serialize)]
struct Ready {
    ready: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

async fn ready(State(health): State<Arc<Health>>) -> (StatusCode, Json<Ready>) {
    let reason = if health.drain.is_cancelled() {
        Some("the worker is stopping")
    } else if health.redis_answers().await {
        None
    } else {
        Some("Redis does not answer")
    };
    let status = if reason.is_none() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Ready { ready: reason.is_none(), reason }))
}

/// What Prometheus scrapes: figures of this process alone. Those of the fleet are the api's.
async fn metrics(State(health): State<Arc<Health>>) -> impl IntoResponse {
    let mut page = Page::default();
    show_process(&mut page, health.service.as_str());
    page.gauge(&REDIS_UP, f64::from(u8::from(health.redis_answers().await)));
    health.redis.show(&mut page);
    health.stats.show(&mut page);
    ([(CONTENT_TYPE, telemetry::CONTENT_TYPE)], page.text())
}

#[cfg(test)]
mod tests;
