//! Work that several jobs want.

mod budget;
mod cache;
mod failures;
mod idempotency;
mod meeting;
mod model;
mod property;
mod takeover;
mod urgency;

pub(super) use budget::Sonnet;

use serde::{Deserialize, Serialize};

use super::fixture::{Fixture, QUEUE, raw};
use crate::{
    job::{JobId, JobState, Kind, QueueName},
    queue::{Accepted, Meeting, NewJob, outcome::Outcome, settle::Settled, take::TakenJob},
};

/// A job whose result others may have, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Poem {
    pub(super) say: String,
}

impl Kind for Poem {
    const NAME: &'static str = "echo";
    const VERSION: u32 = 1;
    const QUEUE: QueueName = QueueName::Ai;
    const RECIPE: Option<u32> = Some(1);
}

pub(super) fn poem(user: &str, say: &str) -> NewJob<Poem> {
    NewJob::new(Poem { say: say.to_owned() }, user)
}

impl Fixture {
    pub(super) async fn ask_poem(&self, user: &str, say: &str) -> Accepted {
        self.queue.enqueue(&poem(user, say)).await.unwrap()
    }

    /// A job of `user` that meets nothing.
    pub(super) async fn lead(&self, user: &str, say: &str) -> JobId {
        let accepted = self.ask_poem(user, say).await;
        assert_eq!(accepted.meeting, Meeting::New);
        accepted.id
    }

    /// A job of `user` that joins what is there.
    pub(super) async fn follow(&self, user: &str, say: &str) -> JobId {
        let accepted = self.ask_poem(user, say).await;
        assert_eq!(accepted.meeting, Meeting::Joined);
        accepted.id
    }

    pub(super) async fn complete_with(&self, job: &TakenJob, result: &str) -> Settled {
        self.settle(job, &Outcome::Complete(raw(result))).await
    }

    pub(super) async fn result_of(&self, id: JobId) -> String {
        let view = self.view(id).await;
        assert_eq!(view.state, JobState::Completed);
        view.result.expect("a completed job has a result").get().trim_matches('"').to_owned()
    }

    pub(super) async fn code_of(&self, id: JobId) -> String {
        let view = self.view(id).await;
        assert_eq!(view.state, JobState::Failed);
        view.failure.expect("a failed job has a reason").code
    }

    /// Lets the deadline of a job pass, which the next take sees.
    pub(super) async fn pass_deadline(&self, id: JobId) {
        self.raw::<u64>(&["ZADD", &self.keys.deadlines(QUEUE), "XX", "1", &id.to_string()]).await;
    }

    /// How many bytes are accounted for, of unfinished jobs and of results.
    pub(super) async fn bytes(&self) -> (u64, u64) {
        let bytes: [Option<u64>; 2] = self.raw(&["HMGET", "{test}:bytes", QUEUE, "results"]).await;
        (bytes[0].unwrap_or(0), bytes[1].unwrap_or(0))
    }

    pub(super) async fn keys_like(&self, pattern: &str) -> Vec<String> {
        // A damaged field may be part of a key.
        let keys = self.raw::<Vec<Vec<u8>>>(&["KEYS", pattern]).await.into_iter();
        keys.map(|key| String::from_utf8_lossy(&key).into_owned()).collect()
    }

    pub(super) async fn count(&self, key: &str) -> u64 {
        self.raw(&["ZCARD", key]).await
    }
}
