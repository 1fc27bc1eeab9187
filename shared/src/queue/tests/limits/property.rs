//! The scripts and the model are driven side by side by random steps of several workers, and agree after each; and never
//! are more calls let go in a window than the limit says.
//!
//! Clients' clocks can't matter: no script is told a time. The clock of Redis is the test's own here.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use super::{
    FREE, Fixture,
    model::{Bounds, Breaker, GUARD, How, LEASE, Model, WINDOW, member},
    upstream,
};
use crate::{
    breaker::{BreakerState, breaker_status},
    config::JobsConfig,
    job::{JobError, JobId},
    limiter::{Limits, announce, limiter_status, vouch},
    queue::{
        Call, CallEnd, Ending,
        settle::Settled,
        take::TakenJob,
        tests::{fixture::jobs_config, limits::ended},
    },
    redis::take_time_from_hand_clock,
};

const STEPS: usize = 400;
/// 2026-01-01, and far from everything that happens at 0.
const START: i64 = 1_767_225_600_000;

struct Pair {
    f: Fixture,
    model: Model,
    rng: StdRng,
    /// Whether the upstream is in trouble.
    trouble: bool,
    attempts: Vec<TakenJob>,
    /// Calls that were let go, with their numbers.
    calls: Vec<(TakenJob, u32, Call)>,
    /// Every call that reached the door: when, with how many tokens.
    door: BTreeMap<String, (i64, i64)>,
}

#[tokio::test]
async fn the_scripts_do_what_the_model_does_and_no_window_is_overfull() {
    take_time_from_hand_clock();
    let (mut waits, mut learned, mut opened, mut full) = (0, 0, 0, 0);
    for seed in 0..16 {
        let mut pair = Pair::start(seed).await;
        for step in 0..STEPS {
            let what = pair.step().await;
            pair.compare(&format!("seed {seed}, step {step}: {what}")).await;
            waits += usize::from(what.ends_with("nothing"));
            learned += usize::from(pair.model.learned().is_some());
            opened += usize::from(matches!(pair.model.breaker, Breaker::Open { .. }));
        }
        full += usize::from(pair.check_door());
    }
    assert!(
        waits > 50 && learned > 50 && opened > 50 && full > 3,
        "{waits} {learned} {opened} {full}: too little seen"
    );
}

impl Pair {
    async fn start(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let bounds = Bounds {
            rpm: rng.random_range(3..15),
            tpm: rng.random_range(400..2_000),
            concurrency: rng.random_range(2..8),
        };
        let jobs = JobsConfig { job_max_attempts: 1_000, job_deadline_seconds: 2_592_000, ..jobs_config() };
        let mut f = Fixture::with_jobs(jobs).await;
        let (rpm, concurrency) = (bounds.rpm as u64, bounds.concurrency as u64);
        let ms = |ms: i64| Duration::from_millis(ms.unsigned_abs());
        let limits =
            Limits { window: ms(WINDOW), guard: ms(GUARD), rpm, tpm: bounds.tpm.unsigned_abs(), concurrency, ..FREE };
        f.settings.upstream = Some(std::sync::Arc::new(upstream(limits)));
        f.settings.lease = ms(LEASE);
        let mut pair = Self {
            f,
            model: Model::new(START, bounds),
            rng,
            trouble: seed.is_multiple_of(2),
            attempts: Vec::new(),
            calls: Vec::new(),
            door: BTreeMap::new(),
        };
        pair.set_clock().await;
        vouch(&pair.f.pool, &pair.f.keys).await.unwrap();
        let year = Duration::from_hours(24 * 365);
        announce(&pair.f.pool, &pair.f.keys, &Fixture::group(), "w", limits, year, None).await.unwrap();
        pair
    }

    async fn set_clock(&mut self) {
        let (s, us) = (self.model.now / 1_000, self.model.now % 1_000 * 1_000);
        let clock = format!("{}:clock", self.f.keys.root());
        self.f.raw::<u64>(&["HSET", &clock, "s", &s.to_string(), "us", &us.to_string()]).await;
    }

    async fn step(&mut self) -> String {
        match self.rng.random_range(0..100) {
            0..20 => self.enqueue().await,
            20..45 => self.take().await,
            45..62 => self.begin().await,
            62..78 => self.end().await,
            78..88 => self.settle().await,
            _ => self.pass().await,
        }
    }

    async fn enqueue(&mut self) -> String {
        if self.model.jobs.values().filter(|job| job.lease.is_none()).count() > 6 {
            return "enough wait".to_owned();
        }
        let id = self.f.enqueue("x").await;
        let job = super::model::Job { fence: 0, need: 100, lease: None, unspent: false };
        self.model.jobs.insert(id, job);
        format!("enqueue {id}")
    }

    async fn take(&mut self) -> String {
        let want = self.rng.random_range(1..=3);
        let limiter = self.f.keys.limiter(&Fixture::group());
        let [next_at, passed]: [Option<i64>; 2] = self.f.raw(&["HMGET", &limiter, "next_at", "passed"]).await;
        let now = self.model.now;
        let cheap = next_at.is_some_and(|at| at > now) && passed.is_some_and(|at| now - at < 1_000);
        let worker = ["a", "b", "c"].choose(&mut self.rng).unwrap();
        let (jobs, _) = self.f.ask(worker, want).await;
        let seen: Vec<_> = jobs.iter().map(|job| (job.id, job.fence)).collect();
        // A cheap refusal must be a right one; what time has brought about is seen by a later take.
        let expected = if cheap { self.model.clone().take(want) } else { self.model.take(want) };
        assert_eq!(seen, expected, "take {want} by {worker}, cheap: {cheap}, {:?}", self.model);
        self.attempts.extend(jobs);
        format!(
            "take {want}, cheap {cheap}: {}",
            if seen.is_empty() { "nothing".to_owned() } else { format!("{seen:?}") }
        )
    }

    async fn begin(&mut self) -> String {
        let Some(job) = self.attempt() else { return "no attempt".to_owned() };
        let (number, tokens) = (self.rng.random_range(1..=2), self.rng.random_range(20..=300));
        let context = self.f.context(&job);
        let mut call = context.call(tokens);
        if number == 2 {
            call = context.call(tokens);
        }
        let begun = call.begin().await;
        let expected = self.model.begin(job.id, job.fence, number, tokens.into());
        let seen = match &begun {
            Ok(()) => Some(true),
            Err(error) if error.code() == "awaiting_permit" => Some(false),
            Err(_) => None,
        };
        assert_eq!(seen, expected, "begin {number} of {job:?} with {tokens} tokens: {begun:?}\n{:?}", self.model);
        if begun.is_ok() {
            // A repeated begin is the same call, later.
            let name = member(job.id, job.fence, number);
            if self.door.insert(name, (self.model.now, tokens.into())).is_none() {
                self.calls.push((job.clone(), number, call));
            }
        }
        format!("begin {number} of {} with {tokens}: {seen:?}", job.id)
    }

    async fn end(&mut self) -> String {
        if self.calls.is_empty() {
            return "no call".to_owned();
        }
        let (job, number, call) = self.calls.swap_remove(self.rng.random_range(0..self.calls.len()));
        let how = match self.rng.random_range(0..100) {
            _ if !self.trouble => How::Ok,
            0..50 => How::Ok,
            50..55 => How::Rejected,
            55..65 => How::Limited(None),
            65..75 => How::Limited(Some(self.rng.random_range(1..20_000))),
            75..92 => How::Failed,
            92..96 => How::Unsent,
            _ => How::Blocked,
        };
        call.end(CallEnd { ending: ending(how), ..ended(Ending::Ok) }).await;
        self.model.end(job.id, job.fence, number, how);
        if how == How::Unsent {
            self.door.remove(&member(job.id, job.fence, number));
        }
        format!("end {number} of {}: {how:?}", job.id)
    }

    async fn settle(&mut self) -> String {
        let Some(job) = self.attempt() else { return "no attempt".to_owned() };
        let ends = self.rng.random_bool(0.6);
        let settled = if ends {
            self.f.complete(&job).await
        } else {
            self.f.end(&job, &JobError::snooze(Duration::ZERO, "later", "Later")).await
        };
        // The same settle once more is no error, and does nothing.
        self.attempts.retain(|other| (other.id, other.fence) != (job.id, job.fence));
        assert_eq!(settled != Settled::Stale, self.model.settle(job.id, job.fence, ends));
        format!("settle {} (ends: {ends})", job.id)
    }

    /// Time passes; a worker that was silent for a lease counts as crashed.
    async fn pass(&mut self) -> String {
        let ms = match self.rng.random_range(0..10) {
            0..4 => self.rng.random_range(1..400),
            4..8 => self.rng.random_range(400..8_000),
            8 => self.rng.random_range(8_000..70_000),
            _ => self.rng.random_range(70_000..700_000),
        };
        self.model.now += ms;
        self.set_clock().await;
        format!("{ms} ms pass")
    }

    fn attempt(&mut self) -> Option<TakenJob> {
        let recent = self.attempts.len().saturating_sub(6);
        self.attempts[recent..].choose(&mut self.rng).cloned()
    }

    async fn compare(&self, when: &str) {
        let (f, keys, now) = (&self.f, &self.f.keys, self.model.now);
        let group = Fixture::group();
        let out = now - WINDOW - GUARD;
        // Entries that have slid out are dropped by whoever comes next.
        let from = format!("({out}");
        let log: Vec<(String, i64)> =
            f.raw(&["ZRANGE", &keys.permits(&group), &from, "+inf", "BYSCORE", "WITHSCORES"]).await;
        let expected = self.model.permits.iter().filter(|(_, permit)| permit.at > out);
        let expected: BTreeMap<String, i64> = expected.map(|(member, permit)| (member.clone(), permit.at)).collect();
        assert_eq!(log.into_iter().collect::<BTreeMap<_, _>>(), expected, "permits after {when}");

        let reserved: BTreeMap<String, i64> =
            f.raw(&["HGETALL", &format!("{}:reserved:openai:model", keys.root())]).await;
        let sum: i64 = reserved.values().sum();
        let status = limiter_status(&f.pool, keys, &group).await.unwrap();
        assert_eq!(i64::try_from(status.tokens).unwrap(), sum, "the sum is that of the parts, after {when}");
        assert!(sum >= self.model.tokens(), "tokens after {when}");
        assert_eq!(
            status.learned_rpm.map(|rpm| i64::try_from(rpm).unwrap()),
            self.model.learned(),
            "learned after {when}"
        );

        let slots: BTreeSet<String> =
            f.raw(&["ZRANGE", &keys.in_flight(&group), &format!("({now}"), "+inf", "BYSCORE"]).await;
        let expected: BTreeSet<String> = self.model.slots().iter().map(JobId::to_string).collect();
        assert_eq!(slots, expected, "slots after {when}");
        let closed = breaker_status(&f.pool, keys, "openai").await.unwrap().state == BreakerState::Closed;
        assert_eq!(closed, matches!(self.model.breaker, Breaker::Closed { .. }), "breaker after {when}");
    }

    /// No window at the door has more than the limits; whether one was full.
    fn check_door(&self) -> bool {
        let Bounds { rpm, tpm, .. } = self.model.bounds;
        let mut most = 0;
        for (start, _) in self.door.values() {
            let inside = self.door.values().filter(|(at, _)| (*start..start + WINDOW).contains(at));
            let (calls, tokens) = inside.fold((0, 0), |(calls, sum), (_, tokens)| (calls + 1, sum + tokens));
            assert!(calls <= rpm && tokens <= tpm, "{calls} calls, {tokens} tokens from {start}");
            most = most.max(calls);
        }
        most == rpm
    }
}

fn ending(how: How) -> Ending {
    match how {
        How::Ok => Ending::Ok,
        How::Rejected => Ending::Rejected,
        How::Limited(after) => {
            Ending::Limited { retry_after: after.map(|ms| Duration::from_millis(ms.unsigned_abs())) }
        }
        How::Failed => Ending::Failed,
        How::Blocked => Ending::Blocked,
        How::Unsent => Ending::Unsent,
    }
}
