//! The scripts and the model are driven side by side by random steps of several users and workers, and agree after each.
//! The clock of Redis is the test's own.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use super::{
    Poem,
    model::{CACHE_MAX, CACHE_TTL, DEADLINE, LEASE, MAX_ATTEMPTS, Model, RETRY_AFTER, Request},
    poem,
};
use crate::{
    config::JobsConfig,
    job::{JobId, JobState, Kind, Priority, QueueName},
    queue::{
        Cancelled, EnqueueError, NewJob,
        outcome::{Outcome, OutcomeKind, Unfinished},
        settle::Settled,
        take::TakenJob,
        tests::{
            fixture::{Fixture, QUEUE, jobs_config, raw},
            model::End,
        },
    },
    redis::take_time_from_hand_clock,
    users::Users,
};

const STEPS: usize = 500;
const SEEDS: u64 = 8;
/// 2026-01-01, and far from everything that happens at 0.
const START: i64 = 1_767_225_600_000;
/// Few enough that one take sees all that time has brought about.
const UNFINISHED_MAX: usize = 16;
const USERS: [&str; 6] = ["ada", "bob", "eve", "joe", "kim", "zoe"];
/// Payloads of up to 256 bytes are not counted.
const SMALL: usize = 256;
const TEXTS: [&str; 5] = ["spring", "summer", "autumn", WINTER, RAIN];
const WINTER: &str = "Winter is long, and of all the words that one learns in it, those for snow come first, then those for \
    the evenings, for tea and bread, for a lamp that is lit at four, for the road that nobody walks, and last of all, \
    when one has nearly forgotten that there is such a thing, the word for March.";
const RAIN: &str = "Rain has more words than snow, since there is more of it: for the one that begins at night and is not heard, \
    for the one that comes from the side, for the one that has just been and still drips from every tree, and for the \
    one that everybody speaks of as long as it stays away, and nobody once it is there.";
/// What must happen often enough for the test to say something.
const SEEN: [&str; 8] =
    ["New job", "Joined job", "Cached job", "Known job", "reused key", "late result", "cancel leader", "erase jobs"];

struct Pair {
    f: Fixture,
    model: Model,
    rng: StdRng,
    /// Every attempt there ever was: old fences are tried as well.
    attempts: Vec<TakenJob>,
}

#[tokio::test]
async fn the_scripts_do_what_the_model_does_and_no_work_is_done_twice() {
    take_time_from_hand_clock();
    let mut seen = BTreeMap::<&str, usize>::new();
    for seed in 0..SEEDS {
        let mut pair = Pair::start(seed).await;
        for step in 0..STEPS {
            pair.pass(1).await;
            let what = pair.step().await;
            pair.compare(&format!("seed {seed}, step {step}: {what}")).await;
            for known in SEEN.into_iter().filter(|known| what.starts_with(known)) {
                *seen.entry(known).or_default() += 1;
            }
        }
        pair.end_all().await;
    }
    assert!(SEEN.iter().all(|what| seen.get(what).is_some_and(|times| *times > 10)), "too little seen: {seen:?}");
}

impl Pair {
    async fn start(seed: u64) -> Self {
        let ms = |ms: i64| Duration::from_millis(ms.unsigned_abs());
        let jobs = JobsConfig {
            job_max_attempts: MAX_ATTEMPTS,
            job_deadline_seconds: ms(DEADLINE).as_secs(),
            content_cache_ttl_seconds: ms(CACHE_TTL).as_secs(),
            cache_max_bytes: CACHE_MAX as u64,
            // The time of jobs in Redis passes as it does, that of the test much faster: no index is to forget a job that is there.
            completed_ttl_seconds: 1_000_000_000,
            dead_ttl_seconds: 1_000_000_000,
            ..jobs_config()
        };
        let mut f = Fixture::with_jobs(jobs).await;
        f.settings.lease = ms(LEASE);
        Self { f, model: Model::new(START), rng: StdRng::seed_from_u64(seed), attempts: Vec::new() }
    }

    async fn pass(&mut self, ms: i64) {
        self.model.now += ms;
        self.f.set_clock(self.model.now).await;
    }

    async fn step(&mut self) -> String {
        match self.rng.random_range(0..100) {
            0..40 => self.enqueue().await,
            40..55 => self.take().await,
            55..75 => self.settle().await,
            75..80 => self.checkpoint().await,
            80..85 => self.cancel().await,
            85..91 => self.forget().await,
            91 => self.erase().await,
            _ => self.time().await,
        }
    }

    async fn enqueue(&mut self) -> String {
        if self.model.ids(super::model::Job::runs).len() >= UNFINISHED_MAX {
            return "queue full".to_owned();
        }
        let ask = Request {
            user: USERS.choose(&mut self.rng).unwrap(),
            text: TEXTS.choose(&mut self.rng).unwrap(),
            class: *Priority::ALL.choose(&mut self.rng).unwrap(),
            fresh: self.rng.random_bool(0.15),
            key: self.rng.random_bool(0.15).then(|| *["k", "l"].choose(&mut self.rng).unwrap()),
        };
        let job = NewJob {
            priority: ask.class,
            fresh: ask.fresh,
            listed: true,
            idempotency_key: ask.key.map(str::to_owned),
            ..poem(ask.user, ask.text)
        };
        match self.f.queue.enqueue(&job).await {
            Ok(accepted) => {
                let expected = self.model.enqueue(accepted.id, &ask);
                assert_eq!(Some((accepted.id, accepted.meeting)), expected, "{ask:?}: {:?}", self.model);
                format!("{:?} job {} for {ask:?}", accepted.meeting, accepted.id)
            }
            Err(EnqueueError::KeyReused) => {
                assert_eq!(self.model.enqueue(JobId::new(), &ask), None, "{ask:?}");
                "reused key".to_owned()
            }
            Err(error) => panic!("{error:?}"),
        }
    }

    async fn take(&mut self) -> String {
        let want = self.rng.random_range(1..=3);
        let jobs = self.f.take(want).await;
        let there = self.model.before_take();
        assert_eq!(jobs.len(), want.min(there), "take {want}: {:?}", self.model);
        for job in &jobs {
            assert!(self.model.take(job.id, job.fence, job.attempt), "{job:?}: {:?}", self.model);
        }
        let ids: Vec<_> = jobs.iter().map(|job| job.id).collect();
        self.attempts.extend(jobs);
        format!("take {want}: {ids:?}")
    }

    async fn settle(&mut self) -> String {
        let Some(attempt) = self.attempt() else { return "no attempt".to_owned() };
        let at_once = self.rng.random_bool(0.6);
        let ends =
            [End::Complete, End::Complete, End::Retry { at_once }, End::Snooze { at_once }, End::Fail, End::Cancel];
        let end = *ends.choose(&mut self.rng).unwrap();
        self.settle_as(&attempt, end).await
    }

    async fn settle_as(&mut self, attempt: &TakenJob, end: End) -> String {
        // Each result is another one, and some are too large to be kept.
        let size = if self.rng.random_bool(0.1) { CACHE_MAX } else { self.rng.random_range(25..50) };
        let result = format!("{:<size$}", self.model.now);
        let json = format!("\"{result}\"");
        let settled = self.f.settle(attempt, &outcome(end, &result)).await;
        let done = self.model.settle(attempt.id, attempt.fence, end, &json);
        assert_eq!(settled != Settled::Stale, done, "{end:?} of {attempt:?}: {:?}", self.model);
        let how = if settled == Settled::Late { "late result of" } else { "settle" };
        format!("{how} {} under {}: {end:?}", attempt.id, attempt.fence)
    }

    async fn checkpoint(&mut self) -> String {
        let Some(attempt) = self.attempt() else { return "no attempt".to_owned() };
        let done = self.f.context(&attempt).checkpoint("part", "1", 10).await.is_ok();
        assert_eq!(done, self.model.checkpoint(attempt.id));
        format!("checkpoint {}", attempt.id)
    }

    async fn cancel(&mut self) -> String {
        let any = self.rng.random_bool(0.2);
        let ids = self.model.ids(|job| any || job.runs());
        let Some(id) = ids.choose(&mut self.rng).copied() else { return "no job".to_owned() };
        let state = self.model.jobs[&id].state;
        let leads = !self.model.followers(id).is_empty();
        let cancelled = self.f.queue.cancel(QueueName::Ai, id).await.unwrap();
        if state.is_final() {
            assert_eq!(cancelled, Cancelled::Ended(state));
        } else {
            assert_eq!(cancelled, Cancelled::Done);
            self.model.cancel(id);
        }
        format!("cancel {} {id}", if leads { "leader" } else { "job" })
    }

    /// The time to live of an ended job is over.
    async fn forget(&mut self) -> String {
        let ended = self.model.ids(|job| job.state.is_final());
        let Some(id) = ended.choose(&mut self.rng).copied() else { return "no job".to_owned() };
        self.f.raw::<u64>(&["DEL", &self.f.keys.job(id), &self.f.keys.checkpoints(id)]).await;
        self.model.jobs.remove(&id);
        format!("forget {id}")
    }

    /// Others go on as if the user had cancelled everything and never come back.
    async fn erase(&mut self) -> String {
        let user = *USERS.choose(&mut self.rng).unwrap();
        let erased = Users::new(self.f.queue.clone()).erase(user).await.unwrap();
        assert_eq!(erased.jobs, self.model.erase(user) as u64, "{erased:?}");
        // With the colon: an id can end in the letters of a name.
        let of_user = format!(":{user}");
        for key in self.f.keys_like("*").await {
            assert!(!key.ends_with(&of_user) || key.contains(":repeat:"), "{key}");
        }
        format!("erase {}, and {} results", if erased.jobs > 0 { "jobs" } else { "nothing" }, erased.results)
    }

    async fn time(&mut self) -> String {
        let most = match self.rng.random_range(0..20) {
            0 => CACHE_TTL * 2,
            1 | 2 => DEADLINE,
            3..15 => LEASE * 2,
            _ => RETRY_AFTER * 2,
        };
        let ms = self.rng.random_range(1..most);
        // Mostly somebody looks after the leases meanwhile.
        let hops = if self.rng.random_bool(0.75) { ms / 14_000 + 1 } else { 1 };
        for _ in 0..hops {
            self.pass(ms / hops).await;
            if hops > 1 {
                self.f.look().await;
                self.model.before_take();
            }
        }
        format!("pass time: {ms} ms in {hops} hops")
    }

    /// An attempt at a job that has not ended, held or lapsed, or any there ever was.
    fn attempt(&mut self) -> Option<TakenJob> {
        let any = self.rng.random_bool(0.2);
        let runs = |job: &TakenJob| self.model.jobs.get(&job.id).is_some_and(super::model::Job::runs);
        let from: Vec<_> = self.attempts.iter().filter(|job| any || runs(job)).collect();
        from.choose(&mut self.rng).map(|job| (*job).clone())
    }

    async fn compare(&self, when: &str) {
        let (f, model) = (&self.f, &self.model);
        let mut read = redis::pipe();
        // Never without a command.
        read.ping().ignore();
        for id in model.jobs.keys() {
            read.hmget(f.keys.job(*id), &["state", "attempts", "code", "result_of"]);
            read.zrange(f.keys.followers(*id), 0, -1).exists(f.keys.checkpoints(*id));
        }
        let answers: Vec<redis::Value> = f.pool.query(&read).await.unwrap();
        for ((id, job), answers) in model.jobs.iter().zip(answers.chunks_exact(3)) {
            let (state, attempts, code, result_of): (String, u32, Option<String>, Option<String>) =
                redis::from_redis_value(answers[0].clone()).unwrap();
            let expected = (job.state.as_str(), job.attempts, job.result_of.map(|of| of.to_string()));
            assert_eq!((&*state, attempts, result_of), expected, "{id} after {when}");
            if job.state == JobState::Failed {
                assert_eq!(code.unwrap(), job.code, "{id} after {when}");
            }
            let followers: Vec<String> = redis::from_redis_value(answers[1].clone()).unwrap();
            let expected: Vec<String> = model.followers(*id).iter().map(JobId::to_string).collect();
            assert_eq!(followers, expected, "who follows {id} after {when}");
            let recorded: bool = redis::from_redis_value(answers[2].clone()).unwrap();
            assert_eq!(recorded, job.recorded, "checkpoints of {id} after {when}");
        }
        for class in Priority::ALL {
            let line: BTreeSet<String> =
                f.raw(&["ZRANGE", &f.keys.waiting(QUEUE, &Poem::lane(), class), "0", "-1"]).await;
            let mut expected = model.ids(|job| job.in_line() && job.class == class);
            expected.retain(|id| !model.suspects.contains(*id));
            assert_eq!(line, expected.iter().map(JobId::to_string).collect(), "the line {class} after {when}");
        }
        let mut payloads = 0;
        for text in TEXTS {
            let leads: Option<String> = f.raw(&["GET", &self.leader(text)]).await;
            let leader = model.leaders.get(text).map(JobId::to_string);
            assert_eq!(leads, leader, "the leader of {text} after {when}");
            let at_work = model.ids(|job| job.text == text && !job.fresh && job.runs() && job.follows.is_none());
            assert!(at_work.len() <= 1, "{text} is done twice, after {when}: {at_work:?}");
            let counted = Some(payload(text).len()).filter(|bytes| *bytes > SMALL).unwrap_or_default();
            payloads += counted * model.ids(|job| job.text == text && job.runs()).len();
        }
        assert_eq!(f.bytes().await, (payloads as u64, model.cached_bytes() as u64), "bytes after {when}");
    }

    fn leader(&self, text: &str) -> String {
        let digest = self.f.queue.work(&poem("ada", text), &payload(text)).expect("poems are shared");
        format!("{}:leader:{digest}", self.f.keys.root())
    }

    /// Whatever there is ends, and nothing is left of who followed whom.
    async fn end_all(&mut self) {
        for _ in 0..100 {
            self.pass(RETRY_AFTER).await;
            let jobs = self.f.take(UNFINISHED_MAX).await;
            self.model.before_take();
            for job in jobs {
                assert!(self.model.take(job.id, job.fence, job.attempt));
                self.pass(1).await;
                self.settle_as(&job, End::Complete).await;
            }
            if self.model.ids(super::model::Job::runs).is_empty() {
                break;
            }
        }
        self.compare("the end").await;
        for (id, job) in &self.model.jobs {
            let view = self.f.view(*id).await;
            let result = view.result.as_ref().map(|result| result.get());
            assert_eq!(result, job.result_of.map(|of| &*self.model.results[&of]), "the result of {id}");
            assert_eq!(view.from_cache, job.cached, "{id}");
        }
        assert_eq!(self.f.keys_like("*followers*").await, [""; 0]);
        assert_eq!(self.f.keys_like("*releases*").await, [""; 0]);
        assert_eq!(self.f.count(&self.f.keys.deadlines(QUEUE)).await, 0);
        assert_eq!(self.f.bytes().await.0, 0);
    }
}

fn payload(text: &str) -> Vec<u8> {
    serde_json::to_vec(&Poem { say: text.to_owned() }).unwrap()
}

fn outcome(end: End, result: &str) -> Outcome {
    let (kind, at_once) = match end {
        End::Complete => return Outcome::Complete(raw(result)),
        End::Retry { at_once } => (OutcomeKind::Retry, at_once),
        End::Snooze { at_once } => (OutcomeKind::Snooze, at_once),
        End::Fail => (OutcomeKind::Fail, true),
        End::Cancel => (OutcomeKind::Cancel, true),
    };
    let delay = if at_once { Duration::ZERO } else { Duration::from_millis(RETRY_AFTER.unsigned_abs()) };
    let [code, message, chain] = ["code", "message", "message: cause"].map(str::to_owned);
    Outcome::Unfinished(Unfinished { kind, delay, code, message, chain })
}
