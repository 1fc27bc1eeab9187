//! One lesson through the whole system.

use std::time::Duration;

use anyhow::{Context, bail};
use tokio::time::{Instant, timeout};

use super::{
    client::{Api, Cards, Failure, Job},
    lesson::Lesson,
    progress::Progress,
};
use crate::output::plain;

/// How often progress is looked at; the end of the job is seen at once.
const LOOK: Duration = Duration::from_secs(1);

/// Makes cards of the lesson within `patience`; gives them with the time that it took.
pub(super) async fn run(api: &Api, lesson: &Lesson, patience: Duration) -> anyhow::Result<(Cards, Duration)> {
    let started = Instant::now();
    let id = api.submit(lesson).await?;
    let mut last = "waiting for a worker and a permit".to_owned();
    let cards = match timeout(patience, until_ended(api, &id, &mut last)).await {
        Ok(cards) => cards?,
        Err(_) => bail!("job {id} has not ended after {} s; last seen: {last}", patience.as_secs()),
    };
    Ok((cards, started.elapsed()))
}

async fn until_ended(api: &Api, id: &str, last: &mut String) -> anyhow::Result<Cards> {
    let mut progress = Progress::new();
    progress.show(0, last);
    loop {
        let job = api.job(id, LOOK).await?;
        match job.state.as_str() {
            "completed" => return job.result.context("the job is completed, but has no result"),
            "failed" | "cancelled" => bail!("job {id} has {}", ended(&job)),
            _ => {
                *last = news(&job);
                progress.show(job.progress, last);
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

/// What is going on, as long as the job has not ended.
fn news(job: &Job) -> String {
    let after = job.error.as_ref().map(|error| format!(", after {}", reason(error))).unwrap_or_default();
    match job.state.as_str() {
        "waiting" => format!("waiting for a worker and a permit{after}"),
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
    fn says_what_a_job_waits_for() {
        let retried = r#"{"state":"active","progress":40,"attempts":2,"error":{"code":"timeout","message":"slow"}}"#;
        assert_eq!(news(&job(retried)), "a worker makes the cards, attempt 2, after timeout: slow");
        let waiting = r#"{"state":"waiting","progress":0,"attempts":0}"#;
        assert_eq!(news(&job(waiting)), "waiting for a worker and a permit");
    }
}
