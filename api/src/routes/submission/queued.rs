//! The answer to shipped apps for a job that has not ended yet.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use shared::job::JobId;
use utoipa::ToSchema;

/// A job that was accepted.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LegacyAccepted)]
pub(crate) struct Queued {
    success: bool,
    #[schema(example = "Flashcard generation queued. Poll statusUrl for the result.")]
    message: &'static str,
    #[schema(format = "uuid")]
    job_id: String,
    /// `completed` where earlier work is the answer.
    #[schema(pattern = "^(queued|completed)$", example = "queued")]
    status: &'static str,
    #[schema(example = "/api/job-status/01a20d2f-240c-7464-872f-c2ae28c5fb0a")]
    status_url: String,
    #[schema(example = "10-30 seconds")]
    estimated_time: String,
    /// It is answered with earlier work.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    from_cache: bool,
}

impl Queued {
    /// A job that has to be waited for.
    pub(crate) fn waiting(id: JobId, message: &'static str, estimated_time: String) -> Self {
        Self {
            success: true,
            message,
            job_id: id.to_string(),
            status: "queued",
            status_url: format!("/api/job-status/{id}"),
            estimated_time,
            from_cache: false,
        }
    }

    /// A job that earlier work has answered.
    pub(crate) fn found(id: JobId, message: &'static str) -> Self {
        Self { status: "completed", from_cache: true, ..Self::waiting(id, message, "0 seconds".to_owned()) }
    }
}

impl IntoResponse for Queued {
    fn into_response(self) -> Response {
        (StatusCode::ACCEPTED, Json(self)).into_response()
    }
}
