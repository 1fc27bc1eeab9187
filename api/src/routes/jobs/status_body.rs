//! A job in the words that shipped apps know.

use serde::Serialize;
use shared::job::{JobState, JobView, QueueName, kinds::AssessedPronunciation};
use utoipa::ToSchema;

use crate::routes::flashcards::{LegacyCards, LegacyResult};

const CANCELLED: &str = "Job cancelled";
/// A failed job always says something.
const NO_REASON: &str = "Job failed";

/// The answer for a job that is not there, or is not the caller's.
#[derive(Serialize, ToSchema)]
#[schema(as = LegacyNoJob)]
pub(super) struct NotFound {
    success: bool,
    #[schema(pattern = "^not_found$", example = "not_found")]
    status: &'static str,
    error: &'static str,
}

pub(super) const NOT_FOUND: NotFound =
    NotFound { success: true, status: "not_found", error: "Job not found. It may have been completed and removed." };

/// A job as shipped apps read it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LegacyJob)]
pub(super) struct StatusBody<'a> {
    success: bool,
    /// `delayed`: its next attempt waits for a time; `failed`: cancelled as well.
    #[schema(pattern = "^(delayed|waiting|active|completed|failed)$", example = "active")]
    status: &'static str,
    #[schema(format = "uuid")]
    job_id: String,
    #[schema(value_type = QueueName)]
    queue: &'static str,
    /// When the job was accepted.
    timestamp: u64,
    #[schema(maximum = 100)]
    progress: u8,
    /// The cards were made for an earlier job.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    from_cache: bool,
    /// Of a completed job.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<LegacyJobResult>, nullable = false)]
    result: Option<LegacyResult<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    completed_at: Option<u64>,
    /// Of a failed one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    failed_at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    attempts_made: Option<u32>,
}

impl<'a> From<&'a JobView> for StatusBody<'a> {
    fn from(job: &'a JobView) -> Self {
        let completed = job.state == JobState::Completed;
        let error = error(job);
        Self {
            success: true,
            status: word(job.state),
            job_id: job.id.to_string(),
            queue: job.queue.as_str(),
            timestamp: job.created_at_ms,
            progress: if completed { 100 } else { job.progress },
            from_cache: job.from_cache,
            result: completed.then(|| LegacyResult::of(job.result.as_deref())),
            completed_at: job.finished_at_ms.filter(|_| completed),
            error,
            failed_at: job.finished_at_ms.filter(|_| error.is_some()),
            attempts_made: error.map(|_| job.attempts),
        }
    }
}

/// What a job came to, by its kind.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes what is passed on unread")]
enum LegacyJobResult<'a> {
    Flashcards(LegacyCards<'a>),
    Pronunciation(Box<AssessedPronunciation>),
}

/// The app's word for a state.
const fn word(state: JobState) -> &'static str {
    match state {
        JobState::Scheduled => "delayed",
        JobState::Waiting => "waiting",
        JobState::Active => "active",
        JobState::Completed => "completed",
        JobState::Failed | JobState::Cancelled => "failed",
    }
}

/// Why it ended without a result, where it has.
fn error(job: &JobView) -> Option<&str> {
    match job.state {
        JobState::Failed => Some(job.failure.as_ref().map_or(NO_REASON, |failure| &failure.message)),
        JobState::Cancelled => Some(CANCELLED),
        JobState::Scheduled | JobState::Waiting | JobState::Active | JobState::Completed => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json, value::RawValue};
    use shared::job::JobFailure;

    use super::*;
    use crate::tests::job;

    fn body(job: &JobView) -> Value {
        serde_json::to_value(StatusBody::from(job)).unwrap()
    }

    #[test]
    fn a_job_that_runs_has_no_end() {
        let job = job(JobState::Active);
        let expected = json!({
            "success": true, "status": "active", "jobId": job.id.to_string(), "queue": "ai-jobs", "timestamp": 1_000,
            "progress": 40,
        });
        assert_eq!(body(&job), expected);
        assert_eq!(body(&crate::tests::job(JobState::Scheduled))["status"], "delayed");
    }

    #[test]
    fn a_completed_job_carries_the_cards() {
        let result = r#"{"flashcards":[{"front":"Zelle"}],"tokenUsage":7}"#;
        let job = JobView {
            finished_at_ms: Some(5_000),
            result: Some(RawValue::from_string(result.to_owned()).unwrap()),
            ..job(JobState::Completed)
        };
        let body = body(&job);
        assert_eq!(body["result"], json!({"success": true, "flashcards": [{"front": "Zelle"}], "tokenUsage": 7}));
        assert_eq!((&body["completedAt"], &body["progress"]), (&json!(5_000), &json!(100)));
    }

    #[test]
    fn a_failed_job_says_why_and_a_cancelled_one_is_failed() {
        let failure = JobFailure { code: "x".to_owned(), message: "The text has no words".to_owned() };
        let failed =
            body(&JobView { finished_at_ms: Some(5_000), failure: Some(failure.clone()), ..job(JobState::Failed) });
        assert_eq!(failed["error"], "The text has no words");
        assert_eq!((&failed["failedAt"], &failed["attemptsMade"]), (&json!(5_000), &json!(2)));
        let cancelled = body(&JobView { failure: Some(failure), ..job(JobState::Cancelled) });
        assert_eq!((&cancelled["status"], &cancelled["error"]), (&json!("failed"), &json!("Job cancelled")));
    }

    #[test]
    fn an_unknown_job_is_answered_as_before() {
        let expected = json!({"success": true, "status": "not_found",
            "error": "Job not found. It may have been completed and removed."});
        assert_eq!(serde_json::to_value(NOT_FOUND).unwrap(), expected);
    }
}
