//! What becomes of a job whose call went wrong.

use std::time::Duration;

use rand::Rng;

use super::{Fault, OpenAiError};
use crate::{job::JobError, queue::Verdict};

const UNAVAILABLE: &str = "The AI service could not be reached.";
const BUSY: &str = "The AI service is busy. Your request waits and goes on by itself.";
const REFUSED: &str = "The AI service refuses this request each time that it is sent.";
/// The wait of a job that is refused by itself, after its first refusal; it doubles with each further one.
const REFUSED_WAIT: Duration = Duration::from_secs(2);
const REFUSED_WAIT_MAX: Duration = Duration::from_mins(10);

impl OpenAiError {
    /// What becomes of the job, with what the fleet makes of the call.
    #[must_use]
    pub fn judged(self, verdict: Verdict) -> JobError {
        match verdict {
            Verdict::Plain => self.into(),
            Verdict::Opened => {
                self.log_fault();
                self.into()
            }
            Verdict::Blamed { refusals } => {
                JobError::snooze(refused_wait(refusals), "openai_rate_limited", BUSY).with_source(self)
            }
            Verdict::Doubted { times, .. } => {
                JobError::snooze(refused_wait(times), "openai_refused_request", REFUSED).with_source(self)
            }
            Verdict::OwnRefusal => JobError::retry("openai_refused_request", REFUSED).with_source(self),
            Verdict::RefusedForGood => Self::RefusedRequest { source: Box::new(self) }.into(),
        }
    }
}

impl OpenAiError {
    /// Tells operators what they have to change. Once, however many calls were refused: for the one
    /// that opened the breaker.
    fn log_fault(&self) {
        match self.cause() {
            Self::QuotaSpent { code } => tracing::error!(
                openai.code = code,
                "The OpenAI account is out of quota: every AI job waits until a person tops it up"
            ),
            Self::Misconfigured(shown) => tracing::error!(
                http.status = shown.status,
                openai.code = shown.code,
                openai.parameter = shown.parameter,
                openai.request_id = shown.request_id,
                error.code = shown.fault.code(),
                setting = shown.setting(),
                reason = %shown,
                "{}",
                match shown.fault {
                    Fault::Key | Fault::Account =>
                        "The OpenAI API rejects our key: every AI job waits until OPENAI_API_KEY is right",
                    _ => "The OpenAI API is misconfigured: every AI job waits until the setting is corrected",
                }
            ),
            _ => {}
        }
    }
}

/// Doubles with each refusal, and up to a fifth longer.
fn refused_wait(refusals: u32) -> Duration {
    let doubled = REFUSED_WAIT.saturating_mul(2_u32.saturating_pow(refusals.saturating_sub(1)));
    jittered(doubled.min(REFUSED_WAIT_MAX))
}

impl From<OpenAiError> for JobError {
    /// What is the account's or the limit's fault costs the job no attempt; what only another request could change ends it.
    fn from(error: OpenAiError) -> Self {
        let error = match error {
            OpenAiError::NotLetGo { source } => return source,
            OpenAiError::Charged { source, .. } => return (*source).into(),
            error => error,
        };
        let decision = match &error {
            // The first two have been returned above.
            OpenAiError::NotLetGo { .. }
            | OpenAiError::Charged { .. }
            | OpenAiError::RateLimited { .. }
            | OpenAiError::PauseAsked { .. } => Self::snooze(Duration::ZERO, "openai_rate_limited", BUSY),
            OpenAiError::RequestTooLarge { .. } => Self::fail(
                "call_exceeds_token_limit",
                "The AI service does not accept a request of this size, not even for a small part of the text.",
            ),
            OpenAiError::RefusedRequest { .. } => Self::fail("openai_refused_request", REFUSED),
            // Another job's refusal showed that it is the account.
            OpenAiError::Denied { status: 402 } | OpenAiError::QuotaSpent { .. } => account_wait("openai_quota_spent"),
            OpenAiError::Denied { .. } => account_wait("openai_key_rejected"),
            OpenAiError::Misconfigured(shown) => account_wait(shown.fault.code()),
            OpenAiError::BadRequest { .. } => {
                Self::fail("openai_rejected_request", "The AI service could not work with this request.")
            }
            OpenAiError::ParameterRefused { .. } => Self::snooze(
                Duration::ZERO,
                "openai_parameter_refused",
                "The AI service wants another form of the request. Your request waits and goes on by itself.",
            ),
            OpenAiError::NotRecorded { .. } => Self::retry("redis_unavailable", "The queue could not be reached."),
            OpenAiError::Server { retry_after: Some(wait), .. } => {
                Self::retry_after(jittered(*wait), "openai_unavailable", UNAVAILABLE)
            }
            OpenAiError::Server { .. } | OpenAiError::Connection { .. } => {
                Self::retry("openai_unavailable", UNAVAILABLE)
            }
            OpenAiError::Timeout { .. } => Self::retry("openai_timeout", "The AI service took too long to answer."),
            OpenAiError::Refused { .. } => {
                Self::fail("openai_refused", "The AI service declined to work on this text.")
            }
            OpenAiError::ContentFilter | OpenAiError::Moderated => Self::fail(
                "openai_content_filtered",
                "The AI service's content filter does not let this text or its answer through.",
            ),
            OpenAiError::CutOff { .. } => Self::retry("openai_cut_off", "The answer was too long and came incomplete."),
            OpenAiError::Malformed { .. } | OpenAiError::TooLarge => {
                Self::retry("openai_malformed_answer", "The AI service gave an answer that could not be read.")
            }
        };
        decision.with_source(error)
    }
}

fn account_wait(code: &'static str) -> JobError {
    JobError::snooze(
        Duration::ZERO,
        code,
        "The AI service is not available at the moment. Your request waits and goes on by itself.",
    )
}

/// Up to a fifth longer, so that the jobs that were turned away together don't come back together.
fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(1.0 + 0.2 * rand::rng().random::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Decision;

    fn of(error: OpenAiError) -> (Decision, String) {
        let error = JobError::from(error);
        assert!(std::error::Error::source(&error).is_some(), "{error} has lost its cause");
        (error.decision(), error.code().to_owned())
    }

    fn misconfigured(fault: Fault) -> OpenAiError {
        OpenAiError::Misconfigured(Box::new(crate::openai::Misconfiguration::new(fault, 400)))
    }

    fn within(decision: Decision, seconds: u64) -> bool {
        let wait = Duration::from_secs(seconds);
        matches!(decision, Decision::Snooze(chosen) | Decision::RetryAfter(chosen) if chosen >= wait && chosen <= wait * 6 / 5)
    }

    #[test]
    fn what_is_not_the_jobs_fault_costs_no_attempt() {
        let quota = OpenAiError::QuotaSpent { code: "insufficient_quota".into() };
        let limited = OpenAiError::RateLimited {
            retry_after: Some(Duration::from_secs(20)),
            rate: crate::openai::RateHeaders::default(),
            plain: true,
        };
        let waiting = JobError::snooze(Duration::ZERO, "awaiting_permit", "It waits");
        for (error, code) in [
            (limited, "openai_rate_limited"),
            (quota, "openai_quota_spent"),
            (misconfigured(Fault::Key), "openai_key_rejected"),
            (misconfigured(Fault::ModelOrPath), "openai_model_unknown"),
            (misconfigured(Fault::Parameter), "openai_misconfigured"),
            (
                OpenAiError::ParameterRefused { parameter: "temperature", max_output_tokens: None },
                "openai_parameter_refused",
            ),
        ] {
            // Back in line: the limiter and the breaker say when it goes on.
            assert_eq!(of(error), (Decision::Snooze(Duration::ZERO), code.to_owned()));
        }
        assert_eq!(JobError::from(OpenAiError::NotLetGo { source: waiting }).code(), "awaiting_permit");
    }

    #[test]
    fn passing_trouble_is_tried_again() {
        let server = |retry_after| OpenAiError::Server { status: 503, retry_after };
        assert_eq!(of(server(None)), (Decision::Retry, "openai_unavailable".into()));
        let (decision, _) = of(server(Some(Duration::from_secs(9))));
        assert!(matches!(decision, Decision::RetryAfter(_)) && within(decision, 9));
        assert_eq!(
            of(OpenAiError::CutOff { usage: crate::openai::Usage::default(), thoughts: false }),
            (Decision::Retry, "openai_cut_off".into())
        );
        assert_eq!(of(OpenAiError::Malformed { what: "x" }), (Decision::Retry, "openai_malformed_answer".into()));
        assert_eq!(of(OpenAiError::TooLarge), (Decision::Retry, "openai_malformed_answer".into()));
    }

    #[test]
    fn what_no_attempt_would_change_ends_the_job() {
        let rejected = OpenAiError::BadRequest { code: None, message: "internal: secret".into() };
        let shown = JobError::from(rejected);
        assert!(!shown.message().contains("secret"));
        assert_eq!(shown.decision(), Decision::Fail);
        let refused = OpenAiError::Refused { reason: "a secret text".into() };
        let rejected = OpenAiError::BadRequest { code: None, message: "a secret text".into() };
        for error in [refused, rejected].map(JobError::from) {
            assert!(!error.chain().contains("secret"), "what is logged quotes the upstream: {}", error.chain());
        }
        assert_eq!(of(OpenAiError::Refused { reason: "no".into() }), (Decision::Fail, "openai_refused".into()));
        assert_eq!(of(OpenAiError::ContentFilter), (Decision::Fail, "openai_content_filtered".into()));
    }
}
