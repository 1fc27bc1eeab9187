//! A job in v1.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::value::RawValue;
use shared::{
    job::{
        JobFailure, JobId, JobState, JobView, QueueName,
        kinds::{AssessedPronunciation, GeneratedFlashcards},
    },
    limiter::{Withheld, WithheldReason},
    timestamp::rfc3339,
};
use utoipa::ToSchema;

use crate::{patience, state::AppState};

/// Answers with a job.
#[derive(Debug)]
pub(crate) struct JobResource {
    job: JobView,
    withheld: Option<Withheld>,
}

impl From<JobView> for JobResource {
    fn from(job: JobView) -> Self {
        Self { job, withheld: None }
    }
}

impl JobResource {
    /// A job that was looked at: where it waits, and no permit is given for now, it says so.
    pub(super) async fn looked_at(state: &AppState, job: JobView) -> Self {
        let withheld = match job.state {
            JobState::Waiting => patience::redis(state.queue.withheld(job.queue)).await.ok().flatten(),
            _ => None,
        };
        Self { job, withheld }
    }
}

/// A job.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "01a20d2f-23ad-7527-abf9-e1f2cf0162ed",
    "kind": "generate-flashcards",
    "queue": "ai-jobs",
    "state": "completed",
    "progress": 100,
    "attempts": 1,
    "createdAt": "2026-11-24T10:52:02.861Z",
    "finishedAt": "2026-11-24T10:52:02.881Z",
    "result": { "success": true, "requested": 1, "returned": 1, "tokenUsage": 1076, "flashcards": [{
        "front": "starch", "back": "Stärke", "topic": "Photosynthesis", "difficulty": "beginner",
        "example": "Cells store starch.", "pronunciation": "/stɑːtʃ/",
    }]},
}))]
pub(crate) struct Job<'a> {
    #[schema(format = "uuid")]
    id: String,
    #[schema(example = "generate-flashcards")]
    kind: &'a str,
    #[schema(value_type = QueueName)]
    queue: &'static str,
    #[schema(value_type = JobState)]
    state: &'static str,
    /// Work done, in percent.
    #[schema(maximum = 100)]
    progress: u8,
    /// How often it was started.
    attempts: u32,
    #[schema(format = DateTime)]
    created_at: String,
    /// Why a waiting job waits for longer than its turn: `new_redis` (Redis has lost what it knew of earlier calls) or
    /// `redis_recovery` (it was restarted, replaced, or its clock has stepped). No call is made meanwhile, so that the limit of
    /// the AI service holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^(new_redis|redis_recovery)$", nullable = false)]
    reason: Option<WithheldReason>,
    /// When calls are made again, with `reason`. New reports may move it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime, nullable = false)]
    expected_at: Option<String>,
    /// When a scheduled job is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime, nullable = false)]
    run_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime, nullable = false)]
    finished_at: Option<String>,
    /// The same work was done for an earlier job.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    from_cache: bool,
    /// Of a completed job.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<JobResult>, nullable = false)]
    result: Option<&'a RawValue>,
    /// Of a job that has not ended well; while it goes on, of its last attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error: Option<Failure<'a>>,
}

/// What a job came to, by its kind.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes what is passed on unread")]
pub(super) enum JobResult {
    Flashcards(GeneratedFlashcards),
    Pronunciation(Box<AssessedPronunciation>),
}

/// Why the job failed; of a job that is tried again, why its last attempt did.
#[derive(Serialize, ToSchema)]
#[schema(as = JobError)]
struct Failure<'a> {
    /// A stable code. Of jobs that failed: `invalid_cards`, `empty_content`,
    /// `call_exceeds_token_limit`, `openai_unavailable`, `openai_timeout`, `openai_rejected_request`, `openai_refused_request`,
    /// `openai_refused`, `openai_cut_off`, `openai_content_filtered`, `openai_malformed_answer`, `undecodable_payload`, `unknown_kind`,
    /// `handler_panicked`, `attempt_failed`, `redis_unavailable`, `lease_lost`, `result_not_written`, `worker_lost`,
    /// `deadline_exceeded`, `corrupt_job`, `job_cancelled`; of recordings `audio_corrupt`, `audio_empty`, `audio_too_long`,
    /// `audio_silent`, `audio_codec_unsupported`, `audio_format_unknown`, `audio_rejected`, `recording_gone`, `azure_unavailable`,
    /// `azure_timeout`, `azure_recognition_failed`, `azure_malformed_answer`. While a job waits to go on: `openai_rate_limited`,
    /// `openai_quota_spent`, `openai_key_rejected`, `openai_model_unknown`, `openai_misconfigured`, `openai_parameter_refused`, `azure_rate_limited`, `azure_key_rejected`, `awaiting_permit`,
    /// `permit_lapsed`, `worker_stopped`.
    #[schema(example = "openai_rejected_request")]
    code: &'a str,
    /// For people.
    #[schema(example = "The AI service could not work with this request.")]
    message: &'a str,
}

impl<'a> From<&'a JobFailure> for Failure<'a> {
    fn from(failure: &'a JobFailure) -> Self {
        Self { code: &failure.code, message: &failure.message }
    }
}

impl<'a> From<&'a JobView> for Job<'a> {
    fn from(job: &'a JobView) -> Self {
        let scheduled = job.state == JobState::Scheduled;
        let completed = job.state == JobState::Completed;
        Self {
            id: JobId::to_string(&job.id),
            kind: &job.kind,
            queue: job.queue.as_str(),
            state: job.state.as_str(),
            progress: job.progress,
            attempts: job.attempts,
            created_at: rfc3339(job.created_at_ms),
            reason: None,
            expected_at: None,
            run_at: job.run_at_ms.filter(|_| scheduled).map(rfc3339),
            finished_at: job.finished_at_ms.map(rfc3339),
            from_cache: job.from_cache,
            result: job.result.as_deref().filter(|_| completed),
            error: job.failure.as_ref().filter(|_| !completed).map(Failure::from),
        }
    }
}

impl<'a> From<&'a JobResource> for Job<'a> {
    fn from(JobResource { job, withheld }: &'a JobResource) -> Self {
        Self {
            reason: withheld.map(|withheld| withheld.reason),
            expected_at: withheld.map(|withheld| rfc3339(withheld.until_ms)),
            ..Self::from(job)
        }
    }
}

impl IntoResponse for JobResource {
    fn into_response(self) -> Response {
        Json(Job::from(&self)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::tests::job;

    fn body(job: &JobView) -> Value {
        serde_json::to_value(Job::from(job)).unwrap()
    }

    #[test]
    fn a_completed_job_carries_its_result_and_no_old_failure() {
        let job = JobView {
            finished_at_ms: Some(1_709_208_000_123),
            result: Some(RawValue::from_string(r#"{"tokenUsage":7}"#.to_owned()).unwrap()),
            failure: Some(JobFailure { code: "timeout".to_owned(), message: "once".to_owned() }),
            ..job(JobState::Completed)
        };
        let expected = json!({
            "id": job.id.to_string(), "kind": "generate-flashcards", "queue": "ai-jobs", "state": "completed",
            "progress": 40, "attempts": 2, "createdAt": "1970-01-01T00:00:01.000Z",
            "finishedAt": "2024-02-29T12:00:00.123Z", "result": {"tokenUsage": 7},
        });
        assert_eq!(body(&job), expected);
    }

    #[test]
    fn a_scheduled_job_says_when_and_why() {
        let job = JobView {
            run_at_ms: Some(2_000),
            failure: Some(JobFailure { code: "timeout".to_owned(), message: "slow".to_owned() }),
            ..job(JobState::Scheduled)
        };
        let body = body(&job);
        assert_eq!(body["runAt"], "1970-01-01T00:00:02.000Z");
        assert_eq!(body["error"], json!({"code": "timeout", "message": "slow"}));
        assert_eq!(body.get("finishedAt"), None);
    }

    #[test]
    fn a_job_that_gets_no_permit_for_now_says_why_and_until_when() {
        let withheld = Some(Withheld { reason: WithheldReason::RedisRecovery, until_ms: 1_709_208_000_123 });
        let resource = JobResource { job: job(JobState::Waiting), withheld };
        let body = serde_json::to_value(Job::from(&resource)).unwrap();
        assert_eq!(
            (&body["reason"], &body["expectedAt"]),
            (&json!("redis_recovery"), &json!("2024-02-29T12:00:00.123Z"))
        );
    }
}
