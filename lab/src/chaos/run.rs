//! One run: a system at work, and everything that is written down about it.

use tokio::time::Duration;

use super::{
    accepted::Accepted,
    attempt::Interruptions,
    books::Books,
    feed::{enqueue, queue},
    system::{Setup, System},
    witness::Witness,
};

/// Jobs that have ended before anything is done to the system: connections stand, scripts are loaded, and the limiter knows that
/// the upstream answers.
const WARM_UP: u64 = 8;
/// Their numbers begin beyond those of every load.
const FIRST: u64 = 1 << 40;

/// A system at work.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) system: System,
    pub(super) accepted: Accepted,
    pub(super) witness: Witness,
    pub(super) interruptions: Interruptions,
    memory_before: u64,
}

impl Run {
    /// Starts a system, and lets it end some jobs.
    pub(super) async fn begin(setup: Setup, apis: u32, workers: u32) -> anyhow::Result<Self> {
        let mut system = System::open(setup).await?;
        for _ in 0..workers {
            system.fleet.start_worker()?;
        }
        for _ in 0..apis {
            system.fleet.start_api()?;
        }
        system.fleet.until_ready().await?;
        let witness = Witness::start(system.redis.patient_pool(), &system.keys).await?;
        let accepted = Accepted::default();
        enqueue(&queue(system.pool())?, FIRST..FIRST + WARM_UP, &accepted).await?;
        anyhow::ensure!(system.until_all_ended(Duration::from_mins(1)).await?, "the first jobs have not ended");
        let memory_before = system.used_memory().await?;
        Ok(Self { system, accepted, witness, interruptions: Interruptions::default(), memory_before })
    }

    /// The books as they stand.
    pub(super) const fn books(&self) -> Books<'_> {
        Books {
            system: &self.system,
            accepted: &self.accepted,
            witness: &self.witness,
            interruptions: &self.interruptions,
            memory_before: self.memory_before,
        }
    }

    /// Waits until no accepted job is unfinished; whether that came within `patience`.
    pub(super) async fn until_all_ended(&mut self, patience: Duration) -> anyhow::Result<bool> {
        self.system.until_all_ended(patience).await
    }
}
