//! Users who submit jobs over HTTP, one after the other, whatever becomes of the api.

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::{Duration, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::{accepted::Accepted, feed::USERS};
use crate::numbered;

/// How long a user waits for an answer: longer than an api whose Redis is away takes to say so.
const PATIENCE: Duration = Duration::from_secs(8);

/// Steady load on api replicas.
#[derive(Debug)]
pub(super) struct Load {
    /// Where the replicas are.
    pub(super) apis: Vec<String>,
    /// Requests a second, of all users together.
    pub(super) per_second: u64,
    /// No more requests than this.
    pub(super) most: u64,
}

impl Load {
    /// Submits until `stop`. Every text is another one.
    pub(super) async fn run(&self, accepted: &Accepted, stop: &CancellationToken) -> anyhow::Result<()> {
        // Connections of a replica that was killed are of no use; nobody waits to find that out.
        let http = reqwest::Client::builder().timeout(PATIENCE).build()?;
        join_all((0..USERS).map(|user| self.submit(&http, user, accepted, stop))).await;
        Ok(())
    }

    async fn submit(&self, http: &reqwest::Client, user: u64, accepted: &Accepted, stop: &CancellationToken) {
        let mut ticks = interval(Duration::from_secs(1) * u32::try_from(USERS).unwrap_or(1) / per_second(self));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for number in (user..self.most).step_by(usize::try_from(USERS).unwrap_or(1)) {
            if stop.run_until_cancelled(ticks.tick()).await.is_none() {
                return;
            }
            let turn = usize::try_from(number / USERS + user).unwrap_or_default();
            let Some(api) = self.apis.get(turn % self.apis.len().max(1)) else { return };
            let sent = http.post(format!("{api}/api/v1/flashcards")).json(&body(number, user)).send().await;
            take_down(sent, accepted).await;
        }
    }
}

fn per_second(load: &Load) -> u32 {
    u32::try_from(load.per_second).unwrap_or(u32::MAX).max(1)
}

async fn take_down(sent: reqwest::Result<reqwest::Response>, accepted: &Accepted) {
    let answer = match sent {
        Ok(answer) => answer,
        Err(error) if error.is_connect() => return accepted.unsent(),
        Err(_) => return accepted.unclear(),
    };
    match answer.status().as_u16() {
        202 => match answer.json::<Value>().await {
            Ok(job) => match job["id"].as_str() {
                Some(id) => accepted.accepted(id),
                None => accepted.odd("202 without an id".to_owned()),
            },
            // Cut off behind the promise, which nobody could read.
            Err(_) => accepted.unclear(),
        },
        503 => accepted.unclear(),
        status => accepted.odd(format!("{status}: {}", answer.text().await.unwrap_or_default())),
    }
}

fn body(number: u64, user: u64) -> Value {
    let lesson = numbered::lesson(number);
    json!({
        "content": lesson.content, "subject": lesson.subject, "topic": lesson.topic, "userId": format!("user-{user}"),
        "nativeLanguage": lesson.native_language, "targetLanguage": lesson.target_language,
    })
}
