//! Recording pieces of finished work.

use std::collections::BTreeMap;

use super::context::JobContext;
use crate::{
    job::JobError,
    redis::{LuaScript, UnavailableError, lua_script},
};

static CHECKPOINT: LuaScript = lua_script!("queue/checkpoint");

impl JobContext {
    /// What earlier attempts have recorded, by name. Asks Redis only where there may be something.
    ///
    /// # Errors
    ///
    /// When Redis does not answer: the attempt is made again.
    pub async fn checkpoints(&self) -> Result<BTreeMap<String, String>, JobError> {
        if !self.resumed {
            return Ok(BTreeMap::new());
        }
        let mut read = redis::pipe();
        read.hgetall(self.keys.checkpoints(self.id));
        match self.redis.query::<(BTreeMap<String, String>,)>(&read).await {
            Ok((checkpoints,)) => Ok(checkpoints),
            // The work is done once more, and its record takes the place of what stands there.
            Err(error) if error.is_wrong_type() => Ok(BTreeMap::new()),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Records a piece of finished work under `name`, together with the progress in percent, which never goes back.
    ///
    /// # Errors
    ///
    /// When the job is no longer this worker's, or Redis does not answer.
    pub async fn checkpoint(&self, name: &str, value: &str, progress: u8) -> Result<(), JobError> {
        let mut call = CHECKPOINT.call();
        call.key(self.keys.root())
            .arg(&*self.queue)
            .arg(self.id.to_string())
            .arg(self.fence)
            .arg(name)
            .arg(value)
            .arg(progress.min(100));
        let (word, _): (String, redis::Value) = self.redis.run(&call).await.map_err(unavailable)?;
        match word.as_str() {
            "recorded" => Ok(()),
            _ => Err(JobError::retry("lease_lost", "Another worker has taken the job over")),
        }
    }
}

fn unavailable(error: UnavailableError) -> JobError {
    JobError::retry("redis_unavailable", "The queue could not be reached").with_source(error)
}
