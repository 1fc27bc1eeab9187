//! What the provider says of the model, asked once a day by one worker of the fleet.

use std::{collections::HashMap, time::Duration};

use redis::{ExistenceCheck, SetExpiry, SetOptions};
use serde_json::Value;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::OpenAi;
use crate::{
    clock::unix_ms,
    limiter::Group,
    redis::{Keys, RedisPool, UnavailableError},
    timestamp::{parse_rfc3339, rfc3339},
};

/// One worker asks in this time.
const ASKED_EVERY: Duration = Duration::from_hours(24);
/// How often each worker looks whether it is time.
const TRIED_EVERY: Duration = Duration::from_hours(1);
/// A finding outlives the next question, in seconds.
const KEPT_S: i64 = 26 * 3_600;
/// A model that is shut down within this time is told of.
const SHUTDOWN_NOTICE: Duration = Duration::from_hours(90 * 24);

/// What the provider says of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelFinding {
    /// Whether it serves it.
    pub served: bool,
    /// When it shuts it down, in seconds since the Unix epoch.
    pub shutdown_s: Option<u64>,
}

impl ModelFinding {
    /// Reads an answer about the model. `None` where it says nothing, as that of a server without that path.
    pub(super) fn read(status: u16, body: &[u8]) -> Option<Self> {
        let body: Value = serde_json::from_slice(body).ok()?;
        match status {
            200 => Some(Self { served: true, shutdown_s: shutdown_of(&body) }),
            404 if body["error"]["code"] == "model_not_found" => Some(Self { served: false, shutdown_s: None }),
            _ => None,
        }
    }

    /// Whether it is shut down within 90 days of `now_ms`, or is already.
    #[must_use]
    pub fn shuts_down_soon(&self, now_ms: u64) -> bool {
        self.shutdown_s.is_some_and(|at| at < now_ms / 1_000 + SHUTDOWN_NOTICE.as_secs())
    }

    fn log(self, model: &str) {
        if !self.served {
            tracing::error!(
                openai.model = model,
                error.code = "openai_model_unknown",
                setting = "OPENAI_MODEL",
                "The provider does not serve the model: change OPENAI_MODEL"
            );
        }
        if let Some(at) = self.shutdown_s.filter(|_| self.shuts_down_soon(unix_ms())) {
            tracing::warn!(
                openai.model = model,
                shutdown_date = rfc3339(at.saturating_mul(1_000)),
                setting = "OPENAI_MODEL",
                "The provider shuts the model down soon: change OPENAI_MODEL before"
            );
        }
    }
}

/// `shutdown_date`: a day, a time, or seconds since the Unix epoch.
fn shutdown_of(model: &Value) -> Option<u64> {
    match &model["shutdown_date"] {
        Value::Number(seconds) => seconds.as_u64(),
        Value::String(text) => Some(parse_rfc3339(text)? / 1_000),
        _ => None,
    }
}

/// Asks about the model, once a day in the whole fleet.
#[derive(Debug)]
pub struct ModelCheck {
    openai: OpenAi,
    redis: RedisPool,
    keys: Keys,
    group: Group,
    settings: String,
}

impl ModelCheck {
    /// Asks `openai`, whose settings have this digest: those with other ones ask for themselves.
    #[must_use]
    pub const fn new(openai: OpenAi, redis: RedisPool, keys: Keys, group: Group, settings: String) -> Self {
        Self { openai, redis, keys, group, settings }
    }

    /// Asks at once, and whenever it is time, until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(TRIED_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            match stop.run_until_cancelled(self.ask()).await {
                None => return,
                Some(Err(error)) => {
                    tracing::debug!(error = &error as &dyn std::error::Error, "The model could not be asked about");
                }
                Some(Ok(_)) => {}
            }
        }
    }

    /// Asks where nobody has; whether it did.
    pub(super) async fn ask(&self) -> Result<bool, UnavailableError> {
        let claim = self.keys.model_check(&self.settings);
        let mut set = redis::pipe();
        let options = SetOptions::default().conditional_set(ExistenceCheck::NX);
        set.set_options(&claim, 1, options.with_expiration(SetExpiry::EX(ASKED_EVERY.as_secs())));
        let (claimed,): (bool,) = self.redis.query(&set).await?;
        if !claimed {
            return Ok(false);
        }
        let Some(finding) = self.openai.look_at_model().await else { return Ok(true) };
        finding.log(self.openai.model());
        set = redis::pipe();
        let key = self.keys.model_finding(&self.group);
        set.hset(&key, "served", u8::from(finding.served)).ignore();
        set.hset(&key, "shutdown_s", finding.shutdown_s.unwrap_or(0)).ignore();
        set.expire(&key, KEPT_S).ignore();
        self.redis.query::<()>(&set).await?;
        Ok(true)
    }
}

/// What was found last about the models of a group.
///
/// # Errors
///
/// When Redis does not answer.
pub async fn model_finding(
    redis: &RedisPool,
    keys: &Keys,
    group: &Group,
) -> Result<Option<ModelFinding>, UnavailableError> {
    let mut read = redis::pipe();
    read.hgetall(keys.model_finding(group));
    let (fields,): (HashMap<String, u64>,) = redis.query(&read).await?;
    Ok(fields.get("served").map(|served| ModelFinding {
        served: *served == 1,
        shutdown_s: fields.get("shutdown_s").copied().filter(|at| *at > 0),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &str) -> Option<ModelFinding> {
        ModelFinding::read(status, body.as_bytes())
    }

    #[test]
    fn a_date_of_any_form_is_read_and_told_of_in_time() {
        let at = 1_799_884_800;
        for date in ["\"2027-01-14\"", "\"2027-01-14T00:00:00Z\"", "1799884800"] {
            let finding = read(200, &format!(r#"{{"id":"m","shutdown_date":{date}}}"#)).unwrap();
            assert_eq!(finding, ModelFinding { served: true, shutdown_s: Some(at) }, "{date}");
            let days = |days: u64| (at - days * 86_400) * 1_000;
            assert!(finding.shuts_down_soon(days(89)) && finding.shuts_down_soon(days(0)));
            assert!(!finding.shuts_down_soon(days(91)));
        }
        for date in ["null", "\"soon\"", "{}"] {
            let finding = read(200, &format!(r#"{{"shutdown_date":{date}}}"#)).unwrap();
            assert!(finding.served && !finding.shuts_down_soon(u64::MAX / 2), "{date}");
        }
    }

    #[test]
    fn only_a_model_that_is_not_found_is_not_served() {
        let gone = r#"{"error":{"code":"model_not_found","message":"m"}}"#;
        assert_eq!(read(404, gone), Some(ModelFinding { served: false, shutdown_s: None }));
        for (status, body) in [
            (404, r#"{"error":{"code":null,"message":"Invalid URL"}}"#),
            (404, r#"{"detail":"Not Found"}"#),
            (404, "<html>"),
            (401, gone),
            (503, "{}"),
            (200, "<html>"),
        ] {
            assert_eq!(read(status, body), None, "{status} {body}");
        }
    }
}
