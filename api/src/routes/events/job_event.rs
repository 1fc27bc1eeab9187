//! An event of a job in the words that shipped apps know.

use std::borrow::Cow;

use axum::response::sse::Event;
use serde_json::{Value, json};
use shared::{
    clock,
    job::{JobState, JobView},
    timestamp::rfc3339,
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema, schema::ObjectBuilder},
};

use crate::{openapi, routes::flashcards::LegacyResult};

const CANCELLED: &str = "Job cancelled";
const NO_REASON: &str = "Job failed";

/// An event as it is sent, for the document.
pub(super) enum SentEvent {}

impl ToSchema for SentEvent {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("JobEvent")
    }
}

impl PartialSchema for SentEvent {
    fn schema() -> RefOr<Schema> {
        let names = ["connected", "active", "progress", "completed", "failed"];
        let object = ObjectBuilder::new()
            .property("event", openapi::text().enum_values(Some(names)))
            .property("id", openapi::text().description(Some("Of the last one: `end`")))
            .property("data", openapi::text().content_media_type("application/json"));
        object.required("event").required("id").required("data").into()
    }
}

/// What a client is told.
#[derive(Debug, PartialEq)]
pub(super) struct JobEvent {
    pub(super) name: &'static str,
    pub(super) data: Value,
}

impl JobEvent {
    /// The stream stands; what follows is what happens from now on.
    pub(super) fn connected(job: &JobView) -> Self {
        Self::new("connected", job, json!({ "message": "Connected to the events of this job" }))
    }

    /// A worker has begun with the job.
    pub(super) fn active(job: &JobView) -> Self {
        Self::new("active", job, json!({ "attempt": job.attempts }))
    }

    /// Some of the work is done.
    pub(super) fn progress(job: &JobView) -> Self {
        Self::new("progress", job, json!({ "progress": job.progress }))
    }

    /// How the job ended; nothing follows.
    pub(super) fn ended(job: &JobView) -> Option<Self> {
        let duration = job.finished_at_ms.map(|ended| ended.saturating_sub(job.created_at_ms));
        let failed = |error: &str| {
            Self::new("failed", job, json!({ "error": error, "duration": duration, "attemptsMade": job.attempts }))
        };
        match job.state {
            JobState::Scheduled | JobState::Waiting | JobState::Active => None,
            JobState::Completed => {
                let result = LegacyResult::of(job.result.as_deref());
                Some(Self::new("completed", job, json!({ "result": result, "duration": duration })))
            }
            JobState::Failed => Some(failed(job.failure.as_ref().map_or(NO_REASON, |failure| &failure.message))),
            JobState::Cancelled => Some(failed(CANCELLED)),
        }
    }

    fn new(name: &'static str, job: &JobView, more: Value) -> Self {
        let mut data = json!({ "jobId": job.id.to_string() });
        if let (Some(data), Value::Object(more)) = (data.as_object_mut(), more) {
            data.extend(more);
        }
        data["timestamp"] = json!(rfc3339(clock::unix_ms()));
        Self { name, data }
    }

    /// As it is sent, under an id.
    pub(super) fn into_sse(self, id: &str) -> Event {
        Event::default().event(self.name).id(id).data(self.data.to_string())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;
    use shared::job::JobFailure;

    use super::*;
    use crate::tests::job;

    fn without_time(event: Option<JobEvent>) -> (&'static str, Value) {
        let mut event = event.unwrap();
        assert!(event.data["timestamp"].as_str().unwrap().ends_with('Z'));
        event.data.as_object_mut().unwrap().remove("timestamp");
        event.data.as_object_mut().unwrap().remove("jobId").unwrap();
        (event.name, event.data)
    }

    #[test]
    fn ends_are_told_as_the_app_knows_them() {
        let completed = JobView {
            finished_at_ms: Some(3_500),
            result: Some(RawValue::from_string(r#"{"flashcards":[],"tokenUsage":7}"#.to_owned()).unwrap()),
            ..job(JobState::Completed)
        };
        let result = json!({ "success": true, "flashcards": [], "tokenUsage": 7 });
        let expected = ("completed", json!({ "result": result, "duration": 2_500 }));
        assert_eq!(without_time(JobEvent::ended(&completed)), expected);
        let failure = JobFailure { code: "x".to_owned(), message: "The text has no words".to_owned() };
        let failed = JobView { finished_at_ms: Some(1_500), failure: Some(failure), ..job(JobState::Failed) };
        let expected = ("failed", json!({ "error": "The text has no words", "duration": 500, "attemptsMade": 2 }));
        assert_eq!(without_time(JobEvent::ended(&failed)), expected);
        let cancelled = JobView { finished_at_ms: Some(1_000), ..job(JobState::Cancelled) };
        let expected = ("failed", json!({ "error": "Job cancelled", "duration": 0, "attemptsMade": 2 }));
        assert_eq!(without_time(JobEvent::ended(&cancelled)), expected);
        assert_eq!(JobEvent::ended(&job(JobState::Active)), None);
    }
}
