//! What stands between the processes and Redis, and what is done to it.

use shared::clock::unix_ms;
use tokio::time::{Duration, sleep};

use super::{
    attempt::{Interruptions, held, ms},
    system::System,
};

/// What happens to connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// They end, and new ones do at once.
    Cut,
    /// They stand, and nothing arrives; it does later.
    Stall,
}

impl System {
    /// Nobody reaches Redis for `span`. What is under way then is written down while nobody can change it. When it was over, in
    /// ms since the Unix epoch.
    pub(super) async fn partition(
        &mut self,
        trouble: Trouble,
        span: Duration,
        interruptions: &mut Interruptions,
    ) -> anyhow::Result<u64> {
        match trouble {
            Trouble::Cut => self.proxy.cut(),
            Trouble::Stall => self.proxy.stall(),
        }
        sleep(span).await;
        interruptions.killed(held(&self.pool(), &self.keys, None).await?);
        let over_ms = unix_ms();
        self.proxy.restore();
        Ok(over_ms)
    }

    /// `kill -9` of Redis, and its start after `away`, with connections that break as they do. When it was back, in ms since
    /// the Unix epoch.
    pub(super) async fn kill_redis(
        &mut self,
        away: Duration,
        interruptions: &mut Interruptions,
    ) -> anyhow::Result<u64> {
        self.redis.kill().await?;
        sleep(away).await;
        // Nobody is let in before what is under way has been written down.
        self.proxy.cut();
        self.redis.start_again().await?;
        let back_ms = unix_ms();
        interruptions.killed(held(&self.pool(), &self.keys, None).await?);
        self.proxy.restore();
        Ok(back_ms)
    }

    /// Redis answers nobody for `span`, us included.
    pub(super) async fn pause_redis(&self, span: Duration, interruptions: &mut Interruptions) -> anyhow::Result<u64> {
        let from_ms = unix_ms();
        let mut pause = redis::pipe();
        pause.cmd("CLIENT").arg("PAUSE").arg(u64::try_from(span.as_millis())?).arg("ALL").ignore();
        self.pool().query::<()>(&pause).await?;
        sleep(span).await;
        let to_ms = unix_ms();
        interruptions.outage(ms(from_ms), ms(to_ms));
        Ok(to_ms)
    }
}
