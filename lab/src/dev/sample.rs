//! One lesson through the whole system.

use std::time::Duration;

use anyhow::{Context, bail};
use tokio::time::{Instant, sleep, timeout};
use unilingo::output::plain;

use super::{
    client::{Api, Cards, Failure, Job},
    lesson::Lesson,
    progress::Progress,
};

/// How often progress is looked at; the end of the job is seen at once.
const LOOK: Duration = Duration::from_secs(1);
/// With these a job waits until somebody has put the account right. Here that is the one who watches.
const ACCOUNT_CODES: [&str; 4] =
    ["openai_key_rejected", "openai_model_unknown", "openai_misconfigured", "openai_quota_spent"];

/// Makes cards of the lesson within `patience`; gives them with the time that it took.
pub(super) async fn run(api: &Api, lesson: &Lesson, patience: Duration) -> anyhow::Result<(Cards, Duration)> {
    let started = Instant::now();
    let id = api.submit(lesson).await?;
    let mut last = "waiting for a worker".to_owned();
    let cards = match timeout(patience, until_ended(api, &id, &mut last)).await {
        Ok(cards) => cards?,
        Err(_) => bail!("job {id} has not ended after {} s; last seen: {last}", patience.as_secs()),
    };
    Ok((cards, started.elapsed()))
}

async fn until_ended(api: &Api, id: &str, last: &mut String) -> anyhow::Result<Cards> {
    let mut progress = Progress::new();
    let mut percent = 0;
    progress.show(percent, last);
    loop {
        let Some(job) = api.job(id, LOOK).await? else {
            progress.show(percent, "the api has no answer for the moment");
            sleep(LOOK).await;
            continue;
        };
        match job.state.as_str() {
            "completed" => return job.result.context("the job is completed, but has no result"),
            "failed" | "cancelled" => bail!("job {id} has {}", ended(&job)),
            _ if waits_for_account(&job) => bail!("job {id} waits until the account is right: {}", news(&job)),
            _ => {
                *last = news(&job);
                percent = job.progress;
                progress.show(percent, last);
            }
        }
    }
}

/// `failed: code: message`.
fn ended(job: &Job) -> String {
    match &job.error {
        Some(error) => format!("{}: {}", job.state, reason(error)),
        None => job.state.clone(),
    }
}

fn waits_for_account(job: &Job) -> bool {
    job.error.as_ref().is_some_and(|error| ACCOUNT_CODES.contains(&error.code.as_str()))
}

/// What is going on, as long as the job has not ended.
fn news(job: &Job) -> String {
    let after = job.error.as_ref().map(|error| format!(", after {}", reason(error))).unwrap_or_default();
    match job.state.as_str() {
        "waiting" => format!("waiting for a worker{after}"),
        "active" => format!("a worker makes the cards, attempt {}{after}", job.attempts),
        "scheduled" => format!("waiting for the next attempt{after}"),
        state => format!("{state}{after}"),
    }
}

fn reason(error: &Failure) -> String {
    format!("{}: {}", plain(&error.code), plain(&error.message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(json: &str) -> Job {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn says_why_a_job_has_failed() {
        let failed =
            r#"{"state":"failed","progress":0,"error":{"code":"invalid_api_key","message":"The key\nis wrong"}}"#;
        assert_eq!(ended(&job(failed)), "failed: invalid_api_key: The key is wrong");
        assert_eq!(ended(&job(r#"{"state":"cancelled","progress":0}"#)), "cancelled");
    }

    #[test]
    fn a_rejected_key_is_no_reason_to_wait() {
        let waits = |code: &str| {
            let error = format!(r#"{{"state":"scheduled","progress":0,"error":{{"code":"{code}","message":"-"}}}}"#);
            waits_for_account(&job(&error))
        };
        assert!(waits("openai_key_rejected") && waits("openai_quota_spent"));
        assert!(!waits("openai_rate_limited"));
    }

    #[test]
    fn says_what_a_job_waits_for() {
        let retried = r#"{"state":"active","progress":40,"attempts":2,"error":{"code":"timeout","message":"slow"}}"#;
        assert_eq!(news(&job(retried)), "a worker makes the cards, attempt 2, after timeout: slow");
        let waiting = r#"{"state":"waiting","progress":0,"attempts":0}"#;
        assert_eq!(news(&job(waiting)), "waiting for a worker");
    }
}
