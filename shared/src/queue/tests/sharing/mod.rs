//! Work that several jobs want.

mod ends;
mod requests;

use serde::{Deserialize, Serialize};

use super::fixture::{Fixture, QUEUE, jobs_config};
use crate::{
    config::JobsConfig,
    job::{JobId, Kind, QueueName},
    queue::{Accepted, EnqueueError, Meeting, NewJob},
};

/// A text that anybody may send. It waits in the same lane as the fixture's jobs.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Text {
    say: String,
}

impl Kind for Text {
    const NAME: &'static str = "echo";
    const VERSION: u32 = 1;
    const QUEUE: QueueName = QueueName::Ai;
    const RECIPE: Option<u32> = Some(1);
}

fn text(say: &str, user: &str) -> NewJob<Text> {
    NewJob::new(Text { say: say.to_owned() }, user)
}

impl Fixture {
    async fn request(&self, job: &NewJob<Text>) -> Result<Accepted, EnqueueError> {
        self.queue.enqueue(job).await
    }

    /// `user` wants `say`, which meets this; the job's id.
    async fn wants(&self, say: &str, user: &str, meeting: Meeting) -> JobId {
        let accepted = self.request(&text(say, user)).await.unwrap();
        assert_eq!(accepted.meeting, meeting, "{user} wants {say}");
        accepted.id
    }

    async fn bytes(&self, name: &str) -> u64 {
        self.raw::<Option<u64>>(&["HGET", "{test}:bytes", name]).await.unwrap_or(0)
    }

    async fn exist(&self, pattern: &str) -> usize {
        self.raw::<Vec<String>>(&["KEYS", pattern]).await.len()
    }
}
