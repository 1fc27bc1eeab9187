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
    FREE, Fixture, announced,
    model::{ATTEMPTS_MAX, Bounds, GUARD, How, LEASE, Marks, Model, WINDOW, member},
    upstream,
};
use crate::{
    breaker::{BreakerState, breaker_status},
    config::JobsConfig,
    job::{JobError, JobId, Priority},
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
const USERS: [&str; 4] = ["ada", "bob", "eve", "kim"];
/// 2026-01-01, and far from everything that happens at 0.
const START: i64 = 1_767_225_600_000;

struct Pair {
    f: Fixture,
    model: Model,
    rng: StdRng,
    /// What kind of trouble the upstream is in: 0 none, 1 all kinds; some jobs are refused with 429 and 403 (2), with 403
    /// (3) or with 429 (5), or fail (4).
    trouble: usize,
    /// Jobs that are refused for themselves.
    bad: BTreeSet<JobId>,
    attempts: Vec<TakenJob>,
    /// Calls that were let go, with their numbers.
    calls: Vec<(TakenJob, u32, Call)>,
    /// Every call that reached the door: when, with how many tokens.
    door: BTreeMap<String, (i64, i64)>,
}

#[tokio::test]
async fn the_scripts_do_what_the_model_does_and_no_window_is_overfull() {
    take_time_from_hand_clock();
    let (mut waits, mut full, mut crashes) = (0, 0, 0);
    for seed in 0..20 {
        let mut pair = Pair::start(seed, 0).await;
        waits += pair.run(STEPS).await.waits;
        full += usize::from(pair.check_door());
        crashes += pair.model.suspects.counted;
    }
    assert!(waits > 50 && full > 3 && crashes > 3, "{waits} {full} {crashes}: too little seen");
}

/// Under any mix of refusals and failures.
#[tokio::test]
async fn in_trouble_the_scripts_do_what_the_model_does() {
    let rules = [
        "breaker spared",
        "own refusal",
        "account refused",
        "charged",
        "denied again",
        "left aside",
        "scaled",
        "suspect given",
    ];
    let seen = in_trouble((0..).zip([1, 2, 3, 4, 2, 3, 4, 1, 2, 3]), 2 * STEPS, &rules).await;
    assert!(seen.learned > 50 && seen.opened > 50, "{seen:?}: too little seen");
}

#[tokio::test]
async fn under_refusals_of_single_jobs_the_scripts_do_what_the_model_does() {
    // With 53 jobs are refused too often, which is rare.
    in_trouble(
        [0, 1, 2, 3, 4, 5, 6, 53].map(|seed| (seed, 5)),
        3 * STEPS,
        &["blamed", "forgotten lesson", "refused too often"],
    )
    .await;
}

/// A run for each seed and kind of trouble, in which each of the rules is at work.
async fn in_trouble(runs: impl IntoIterator<Item = (u64, usize)>, steps: usize, rules: &[&str]) -> Seen {
    take_time_from_hand_clock();
    let (mut all, mut exercised) = (Seen::default(), BTreeMap::<&str, usize>::new());
    for (seed, trouble) in runs {
        let mut pair = Pair::start(seed, trouble).await;
        let seen = pair.run(steps).await;
        (all.learned, all.opened) = (all.learned + seen.learned, all.opened + seen.opened);
        for (rule, times) in pair.model.exercised() {
            *exercised.entry(rule).or_default() += times;
        }
        pair.check_door();
    }
    assert!(rules.iter().all(|rule| exercised[rule] > 1), "too little seen: {exercised:?}");
    all
}

/// In how many steps nothing was taken, and after how many a limit was learned or the breaker open.
#[derive(Debug, Default)]
struct Seen {
    waits: usize,
    learned: usize,
    opened: usize,
}

impl Pair {
    async fn start(seed: u64, trouble: usize) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        // In trouble there are more calls, so that some meet each other.
        let calm = trouble == 0;
        let bounds = Bounds {
            rpm: if calm { rng.random_range(3..15) } else { rng.random_range(30..90) },
            tpm: if calm { rng.random_range(400..2_000) } else { rng.random_range(4_000..9_000) },
            concurrency: if calm { rng.random_range(2..8) } else { 12 },
        };
        let jobs = JobsConfig { job_max_attempts: ATTEMPTS_MAX, job_deadline_seconds: 2_592_000, ..jobs_config() };
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
            trouble,
            bad: BTreeSet::new(),
            attempts: Vec::new(),
            calls: Vec::new(),
            door: BTreeMap::new(),
        };
        pair.set_clock().await;
        vouch(&pair.f.pool, &pair.f.keys).await.unwrap();
        let year = Duration::from_hours(24 * 365);
        announce(&pair.f.pool, &pair.f.keys, "w", announced(&Fixture::group(), limits), year, None).await.unwrap();
        pair
    }

    async fn run(&mut self, steps: usize) -> Seen {
        let mut seen = Seen::default();
        for step in 0..steps {
            let what = self.step().await;
            self.compare(&format!("step {step}: {what}")).await;
            seen.waits += usize::from(what.ends_with("nothing"));
            seen.learned += usize::from(self.model.learned().is_some());
            seen.opened += usize::from(!self.model.is_closed());
        }
        seen
    }

    async fn set_clock(&mut self) {
        self.f.set_clock(self.model.now).await;
    }

    async fn step(&mut self) -> String {
        match (self.trouble, self.rng.random_range(0..100)) {
            (0, 0..20) | (1.., 0..14) => self.enqueue().await,
            (0, 20..45) | (1.., 14..36) => self.take().await,
            (0, 45..62) | (1.., 36..54) => self.begin().await,
            (0, 62..78) | (1.., 54..74) => self.end().await,
            (0, 78..88) | (1.., 74..92) => self.settle().await,
            _ => self.pass().await,
        }
    }

    async fn enqueue(&mut self) -> String {
        if self.model.jobs.values().filter(|job| job.lease.is_none()).count() > 6 {
            return "enough wait".to_owned();
        }
        let user = USERS.choose(&mut self.rng).unwrap();
        let id = self.f.enqueue_for(user, Priority::Interactive).await;
        let rank = self.f.raw(&["HGET", &self.f.keys.job(id), "rank"]).await;
        self.model.enqueue(id, user, rank);
        if self.rng.random_bool(0.3) {
            self.bad.insert(id);
        }
        format!("enqueue {id} for {user}")
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
        let expected = if cheap { self.model.clone().take(worker, want) } else { self.model.take(worker, want) };
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
        let how = self.how(job.id);
        let estimated = i64::from(call.tokens());
        let used = (self.trouble > 0 && self.rng.random_bool(0.5)).then(|| self.rng.random_range(1..=2 * estimated));
        let tokens = used.map(|used| (used.unsigned_abs(), 0));
        call.end(CallEnd { ending: ending(how), tokens, ..ended(Ending::Ok) }).await;
        self.model.end(job.id, job.fence, number, how, used.map(|used| (used, estimated)));
        if how == How::Unsent {
            self.door.remove(&member(job.id, job.fence, number));
        }
        format!("end {number} of {}: {how:?}", job.id)
    }

    fn how(&mut self, id: JobId) -> How {
        let (roll, bad) = (self.rng.random_range(0..100), self.bad.contains(&id));
        if self.trouble == 1 {
            return self.any_trouble(roll);
        }
        // Of a hundred calls of a bad job: refused with 429, refused with 403, failed.
        let shares = match (self.trouble, bad) {
            (2, true) => [70, 25, 0],
            (3, true) => [0, 80, 10],
            (4, true) => [0, 0, 90],
            (5, true) => [90, 0, 0],
            (3, false) => [0, 0, 6],
            _ => [0; 3],
        };
        match roll {
            _ if roll < shares[0] => How::Limited { after: None, plain: false },
            _ if roll < shares[0] + shares[1] => How::Doubted,
            _ if roll < shares.iter().sum() => How::Failed,
            99 if self.trouble == 2 => How::Limited { after: None, plain: true },
            99 if self.trouble == 4 => How::Failed,
            _ => How::Ok,
        }
    }

    fn any_trouble(&mut self, roll: u32) -> How {
        match roll {
            0..40 => How::Ok,
            40..45 => How::Rejected,
            45..65 => {
                let after = self.rng.random_bool(0.5).then(|| self.rng.random_range(1..20_000));
                How::Limited { after, plain: self.rng.random_bool(0.5) }
            }
            65..82 => How::Failed,
            82..86 => How::Unsent,
            86..89 => How::Own,
            89..94 => How::Doubted,
            94..97 => How::Paused(self.rng.random_range(1..5_000)),
            _ => How::Blocked,
        }
    }

    async fn settle(&mut self) -> String {
        let Some(job) = self.attempt() else { return "no attempt".to_owned() };
        // A refused job comes back.
        let ends = self.rng.random_bool(0.6) && !(self.trouble > 1 && self.bad.contains(&job.id));
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
        let ms = match (self.trouble, self.rng.random_range(0..40)) {
            (5, 0..37) => self.rng.random_range(1..200),
            (0, 0..16) | (1.., 0..28) => self.rng.random_range(1..400),
            (0, 16..32) | (1.., 28..37) => self.rng.random_range(400..8_000),
            (0, 32..36) | (1.., 37..39) => self.rng.random_range(8_000..70_000),
            _ => self.rng.random_range(70_000..700_000),
        };
        // Mostly somebody looks after the leases meanwhile, until all have lapsed.
        let looks = if ms > 14_000 && self.rng.random_bool(0.75) { (ms / 14_000).min(4) } else { 0 };
        for _ in 0..looks {
            self.model.now += 14_000;
            self.set_clock().await;
            self.f.look().await;
            self.model.look();
        }
        self.model.now += ms - looks * 14_000;
        self.set_clock().await;
        format!("{ms} ms pass with {looks} looks")
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
        for id in self.model.jobs.keys() {
            let fields = ["aside", "refused", "blamed", "doubted", "denied"];
            let key = f.keys.job(*id);
            let words = [&["HMGET", &key], &fields[..]].concat();
            let seen: [Option<i64>; 5] = f.raw(&words).await;
            let Marks { aside, refused, blamed, doubted, denied } =
                self.model.marks().get(id).cloned().unwrap_or_default();
            let number = |number: u32| (number > 0).then(|| i64::from(number));
            let expected = [aside.then_some(1), number(refused), number(blamed), doubted, denied];
            assert_eq!(seen, expected, "{fields:?} of {id} after {when}");
        }
        let closed = breaker_status(&f.pool, keys, "openai").await.unwrap().state == BreakerState::Closed;
        assert_eq!(closed, self.model.is_closed(), "breaker after {when}");
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
        How::Limited { after, plain } => {
            Ending::Limited { retry_after: after.map(|ms| Duration::from_millis(ms.unsigned_abs())), plain }
        }
        How::Own => Ending::Own,
        How::Doubted => Ending::Doubted,
        How::Paused(ms) => Ending::Paused { retry_after: Duration::from_millis(ms.unsigned_abs()) },
        How::Failed => Ending::Failed,
        How::Blocked => Ending::Blocked,
        How::Unsent => Ending::Unsent,
    }
}
