//! What is done to a system at random.

use std::collections::BTreeMap;

use rand::{Rng, rngs::StdRng, seq::IndexedRandom};
use rustix::process::Signal;
use shared::{
    clock::unix_ms,
    testing::simulator::{Fault, FaultRule},
};
use tokio::time::{Duration, Instant, sleep, sleep_until};

use super::{
    attempt::{Held, Interruptions, held, ms},
    fleet::Role,
    network::Trouble,
    system::System,
};

/// Every fault of the upstream.
const FAULTS: [Fault; 17] = [
    Fault::RateLimit,
    Fault::InsufficientQuota,
    Fault::Unauthorized,
    Fault::Forbidden,
    Fault::BadRequest,
    Fault::ServerError,
    Fault::Unavailable,
    Fault::MalformedJson,
    Fault::MalformedBody,
    Fault::HtmlError,
    Fault::Stall,
    Fault::Drop,
    Fault::Refusal,
    Fault::CutOff,
    Fault::InvalidCards,
    Fault::FewCards,
    Fault::Empty,
];

/// One thing that is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Action {
    KillWorker,
    KillApi,
    KillRedis,
    StopWorker,
    BlinkWorker,
    Cut,
    Stall,
    Delay,
    PauseRedis,
    Fault,
}

/// Faults are as frequent as everything else together: there are many kinds of them.
const ACTIONS: [Action; 20] = [
    Action::KillWorker,
    Action::KillApi,
    Action::KillRedis,
    Action::StopWorker,
    Action::BlinkWorker,
    Action::BlinkWorker,
    Action::Cut,
    Action::Stall,
    Action::Delay,
    Action::PauseRedis,
    Action::Fault,
    Action::Fault,
    Action::Fault,
    Action::Fault,
    Action::Fault,
    Action::Fault,
    Action::Fault,
    Action::Fault,
    Action::Fault,
    Action::Fault,
];

/// A worker that stands still.
#[derive(Debug)]
struct Stopped {
    place: usize,
    held: Vec<Held>,
    until: Instant,
}

/// Does things to a system.
#[derive(Debug)]
pub(super) struct Torment<'a> {
    system: &'a mut System,
    interruptions: &'a mut Interruptions,
    pub(super) random: StdRng,
    stopped: Option<Stopped>,
    done: BTreeMap<String, u32>,
}

impl<'a> Torment<'a> {
    /// Nothing is done yet.
    pub(super) const fn new(system: &'a mut System, interruptions: &'a mut Interruptions, random: StdRng) -> Self {
        Self { system, interruptions, random, stopped: None, done: BTreeMap::new() }
    }

    /// Does the next thing. A worker that stands still does so while other things happen.
    pub(super) async fn act(&mut self) -> anyhow::Result<()> {
        if self.stopped.as_ref().is_some_and(|stopped| stopped.until <= Instant::now()) {
            self.let_go_on()?;
        }
        let action = *ACTIONS.choose(&mut self.random).unwrap_or(&Action::Fault);
        self.count(format!("{action:?}"));
        match action {
            Action::KillWorker => self.kill_worker().await,
            Action::KillApi => {
                let place = self.one_of(Role::Api);
                self.system.fleet.replace(place).await
            }
            Action::KillRedis => {
                let away = self.span(10, 2_500);
                self.system.kill_redis(away, self.interruptions).await.map(|_| ())
            }
            Action::StopWorker => self.stop_worker().await,
            Action::BlinkWorker => self.blink_worker().await,
            Action::Cut | Action::Stall => {
                let trouble = if action == Action::Cut { Trouble::Cut } else { Trouble::Stall };
                let span = self.span(10, 3_000);
                self.system.partition(trouble, span, self.interruptions).await.map(|_| ())
            }
            Action::Delay => {
                let delay = self.span(0, 40);
                self.system.proxy.delay(delay);
                Ok(())
            }
            Action::PauseRedis => {
                let span = self.span(100, 2_000);
                self.system.pause_redis(span, self.interruptions).await.map(|_| ())
            }
            Action::Fault => {
                self.inject();
                Ok(())
            }
        }
    }

    /// Ends all trouble; what was done, and how often.
    pub(super) async fn recover(mut self) -> anyhow::Result<BTreeMap<String, u32>> {
        if let Some(stopped) = &self.stopped {
            sleep_until(stopped.until).await;
            self.let_go_on()?;
        }
        self.system.proxy.delay(Duration::ZERO);
        self.system.proxy.restore();
        self.system.upstream.clear_faults();
        self.system.fleet.until_ready().await?;
        self.system.fleet.check_alive()?;
        Ok(self.done)
    }

    async fn kill_worker(&mut self) -> anyhow::Result<()> {
        let place = self.one_of(Role::Worker);
        self.system.fleet.signal(place, Signal::STOP)?;
        let name = &self.system.fleet.members[place].name;
        self.interruptions.killed(held(&self.system.pool(), &self.system.keys, Some(name)).await?);
        self.system.fleet.replace(place).await
    }

    /// Stops a worker past its lease, if none stands still already.
    async fn stop_worker(&mut self) -> anyhow::Result<()> {
        if self.stopped.is_some() {
            return Ok(());
        }
        let place = self.one_of(Role::Worker);
        self.system.fleet.signal(place, Signal::STOP)?;
        let name = &self.system.fleet.members[place].name;
        let held = held(&self.system.pool(), &self.system.keys, Some(name)).await?;
        let until = Instant::now() + self.span(2_500, 5_000);
        self.stopped = Some(Stopped { place, held, until });
        Ok(())
    }

    /// Stops a worker for less than its lease: what it has just been let go to do, it does afterwards.
    async fn blink_worker(&mut self) -> anyhow::Result<()> {
        let (place, span) = (self.one_of(Role::Worker), self.span(20, 400));
        self.system.fleet.signal(place, Signal::STOP)?;
        let name = &self.system.fleet.members[place].name;
        let held = held(&self.system.pool(), &self.system.keys, Some(name)).await?;
        sleep(span).await;
        self.interruptions.blinked(held, ms(unix_ms()));
        self.system.fleet.signal(place, Signal::CONT)
    }

    fn let_go_on(&mut self) -> anyhow::Result<()> {
        if let Some(Stopped { place, held, .. }) = self.stopped.take() {
            self.interruptions.stopped(held, ms(unix_ms()));
            self.system.fleet.signal(place, Signal::CONT)?;
        }
        Ok(())
    }

    fn inject(&mut self) {
        let fault = *FAULTS.choose(&mut self.random).unwrap_or(&Fault::ServerError);
        self.count(format!("{fault:?}"));
        let retry_after_ms = self.random.random_bool(0.5).then(|| self.random.random_range(10..=1_000));
        let count = Some(self.random.random_range(1..=4));
        // Each ends by itself, so that faults of several kinds do not pile up.
        self.system.upstream.inject(FaultRule { count, for_ms: Some(2_000), retry_after_ms, ..FaultRule::new(fault) });
    }

    /// One of a role that does not stand still.
    fn one_of(&mut self, role: Role) -> usize {
        let still = self.stopped.as_ref().map(|stopped| stopped.place);
        let moving: Vec<usize> =
            self.system.fleet.all(role).into_iter().filter(|place| Some(*place) != still).collect();
        moving.choose(&mut self.random).copied().unwrap_or_default()
    }

    fn span(&mut self, from_ms: u64, to_ms: u64) -> Duration {
        Duration::from_millis(self.random.random_range(from_ms..=to_ms))
    }

    fn count(&mut self, what: String) {
        *self.done.entry(what).or_default() += 1;
    }
}
