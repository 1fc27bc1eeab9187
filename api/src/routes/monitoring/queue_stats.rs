//! `GET /api/queue/stats`

use axum::extract::State;
use serde::Serialize;
use shared::{job::QueueName, queue::QueueFigures};
use utoipa::ToSchema;

use super::{Answer, LATELY, Told, told};
use crate::{
    error::ApiError,
    extract::QueryPairs,
    openapi::{LegacyErrors, cases},
    patience,
    state::AppState,
};

#[derive(Serialize, ToSchema)]
pub(crate) struct Body {
    stats: QueueStats,
}

/// How many jobs of a queue stand where.
#[derive(Serialize, ToSchema)]
pub(super) struct QueueStats {
    #[schema(value_type = QueueName)]
    queue: &'static str,
    waiting: u64,
    active: u64,
    /// That are kept, cancelled ones included.
    completed: u64,
    /// That are kept.
    failed: u64,
    /// That wait for a time.
    delayed: u64,
    total: u64,
    paused: bool,
}

/// Count the jobs of a queue
///
/// Of that of flashcards, unless `queue` names another one.
#[utoipa::path(
    get,
    path = "/api/queue/stats",
    operation_id = "getQueueStats",
    tag = "Monitoring",
    security(("adminToken" = []), ("adminBearer" = [])),
    params(("queue" = Option<QueueName>, Query, description = "The queue")),
    responses(
        (status = 200, description = "How many jobs stand where", body = inline(Told<Body>)),
        LegacyErrors<(cases::Restricted, cases::Redis, cases::OfQueue)>,
    ),
)]
pub(crate) async fn queue_stats(State(state): State<AppState>, query: QueryPairs) -> Result<Answer<Body>, ApiError> {
    let queue = match query.as_given("queue") {
        None => QueueName::Ai,
        Some(name) => QueueName::from_name(name).ok_or_else(unknown)?,
    };
    let figures = patience::redis(state.queue.figures(queue, LATELY)).await?;
    Ok(told(Body { stats: shown(queue, &figures) }))
}

fn unknown() -> ApiError {
    let names = QueueName::ALL.map(QueueName::as_str).join("` or `");
    ApiError::bad_field("queue", "unknown_queue", format!("`queue` must be `{names}`"))
}

pub(super) fn shown(queue: QueueName, figures: &QueueFigures) -> QueueStats {
    QueueStats {
        queue: queue.as_str(),
        waiting: figures.waiting,
        active: figures.active,
        completed: figures.completed,
        failed: figures.failed,
        delayed: figures.delayed,
        total: figures.total(),
        paused: figures.paused,
    }
}

/// The jobs of both queues.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) struct BothQueues {
    ai_jobs: QueueStats,
    audio_jobs: QueueStats,
}

pub(super) fn both(ai: &QueueFigures, audio: &QueueFigures) -> BothQueues {
    BothQueues { ai_jobs: shown(QueueName::Ai, ai), audio_jobs: shown(QueueName::Audio, audio) }
}
