//! Letting go of a job that someone else has ended.

use super::JobContext;
use crate::{
    limiter::Upstream,
    redis::{LuaScript, UnavailableError, lua_script},
};

static LEAVE: LuaScript = lua_script!("queue/leave");

/// Frees the slot of the upstream that the job held here, unless someone holds it anew.
pub(super) async fn leave(job: &JobContext, lane: &str, upstream: &Upstream) -> Result<(), UnavailableError> {
    let mut call = LEAVE.call();
    call.key(job.keys.root())
        .arg(&*job.queue)
        .arg(job.id.to_string())
        .arg(job.fence)
        .arg(lane)
        .arg(upstream.group.as_str());
    job.redis.run::<(String,)>(&call).await.map(|_| ())
}
