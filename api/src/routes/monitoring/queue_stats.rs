//! `GET /api/queue/stats`

use axum::{Json, extract::State};
use serde_json::{Value, json};
use shared::{job::QueueName, queue::QueueFigures};

use super::{LATELY, answer};
use crate::{error::ApiError, extract::QueryPairs, patience, state::AppState};

/// How many jobs of a queue stand where: of that of flashcards, unless `?queue=` names another one.
pub(crate) async fn queue_stats(State(state): State<AppState>, query: QueryPairs) -> Result<Json<Value>, ApiError> {
    let queue = match query.get("queue") {
        None => QueueName::Ai,
        Some(name) => QueueName::from_name(name).ok_or_else(unknown)?,
    };
    let figures = patience::redis(state.queue.figures(queue, LATELY)).await?;
    Ok(answer("stats", shown(queue, &figures)))
}

fn unknown() -> ApiError {
    let names = QueueName::ALL.map(QueueName::as_str).join("` or `");
    ApiError::bad_field("queue", "unknown_queue", format!("`queue` must be `{names}`"))
}

pub(super) fn shown(queue: QueueName, figures: &QueueFigures) -> Value {
    json!({
        "queue": queue.as_str(),
        "waiting": figures.waiting,
        "active": figures.active,
        "completed": figures.completed,
        "failed": figures.failed,
        "delayed": figures.delayed,
        "total": figures.total(),
        "paused": figures.paused,
    })
}
