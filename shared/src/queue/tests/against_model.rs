//! The scripts and the model are driven side by side by random steps, and agree after each.

use std::{collections::BTreeSet, time::Duration};

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use super::{
    fixture::{Echo, Fixture, QUEUE, jobs_config, raw},
    model::{End, Model},
};
use crate::{
    dead_letter::{Letter, Purged, Requeue},
    job::{JobId, JobState, Kind, Priority},
    queue::{
        Cancelled, EnqueueError, NewJob,
        outcome::{Outcome, OutcomeKind, Unfinished},
        renew::renew,
        settle::Settled,
        take::{Taken, TakenJob},
    },
    redis::take_time_from_hand_clock,
};

const USER: &str = "ada";
const STEPS: usize = 300;
/// 2026-01-01, and far from everything that happens at 0.
const START: i64 = 1_767_225_600_000;
/// Few enough that one take sees all that time has brought about.
const JOBS_MAX: usize = 12;

struct Pair {
    f: Fixture,
    model: Model,
    rng: StdRng,
    /// Every attempt there ever was: old fences are tried as well.
    attempts: Vec<TakenJob>,
    last_take: Option<(String, Vec<(JobId, u64)>)>,
}

#[tokio::test]
async fn the_scripts_do_what_the_model_does() {
    take_time_from_hand_clock();
    let (mut counted, mut given) = (0, 0);
    for seed in 0..6 {
        let jobs = jobs_config();
        let model = Model::new(jobs.job_max_attempts);
        let rng = StdRng::seed_from_u64(seed);
        let mut pair = Pair { f: Fixture::with_jobs(jobs).await, model, rng, attempts: Vec::new(), last_take: None };
        let mut reached = BTreeSet::new();
        for step in 0..STEPS {
            pair.model.now = START + i64::try_from(step).unwrap();
            pair.f.set_clock(pair.model.now).await;
            let what = pair.step().await;
            pair.compare(&format!("seed {seed}, step {step}: {what}")).await;
            reached.extend(pair.model.jobs.values().map(|job| job.state.as_str()));
        }
        assert_eq!(reached.len(), 6, "the steps of seed {seed} reach too little: {reached:?}");
        let (crashes, suspects) = pair.model.suspected();
        (counted, given) = (counted + crashes, given + suspects);
    }
    assert!(counted > 5 && given > 20, "{counted} crashes counted, {given} suspects given out: too little seen");
}

impl Pair {
    async fn step(&mut self) -> String {
        match self.rng.random_range(0..100) {
            0..14 => self.enqueue().await,
            14..17 => self.requeue().await,
            17 => self.purge().await,
            18 => self.suspend().await,
            19 => self.cancel().await,
            20..45 => self.take().await,
            45..50 => self.repeat_take().await,
            50..75 => self.settle().await,
            75..82 => self.checkpoint().await,
            82..85 => self.renew().await,
            85..92 => self.time(JobState::Active, Model::let_lapse, self.f.keys.leases(QUEUE)).await,
            92..97 => self.time(JobState::Scheduled, Model::let_due, self.f.keys.scheduled(QUEUE)).await,
            97 if self.rng.random_bool(0.2) => self.erase().await,
            _ => self.time(JobState::Waiting, Model::let_pass_deadline, self.f.keys.deadlines(QUEUE)).await,
        }
    }

    async fn enqueue(&mut self) -> String {
        let unfinished = self.model.jobs.values().filter(|job| !job.state.is_final()).count();
        if unfinished >= JOBS_MAX {
            return "nothing".to_owned();
        }
        let delayed = self.rng.random_bool(0.3);
        let delay = if delayed { Duration::from_mins(10) } else { Duration::ZERO };
        let listed = self.rng.random_bool(0.7);
        let job = NewJob { delay, listed, ..NewJob::new(Echo { say: "x".to_owned() }, USER) };
        let accepted = self.f.queue.enqueue(&job).await;
        if self.model.suspended {
            assert!(matches!(accepted, Err(EnqueueError::Suspended)), "{accepted:?}");
            self.model.refused += u64::from(listed);
            let then = if self.rng.random_bool(0.3) { self.suspend().await } else { String::new() };
            return format!("ask in vain; {then}");
        }
        let id = accepted.unwrap().id;
        self.model.enqueue(id, delayed, listed);
        format!("enqueue {id} (delayed: {delayed}, listed: {listed})")
    }

    async fn suspend(&mut self) -> String {
        if self.model.suspended {
            self.f.users().lift_suspension(USER).await.unwrap();
        } else {
            self.f.users().suspend(USER, "why").await.unwrap();
        }
        self.model.suspended = !self.model.suspended;
        format!("suspended: {}", self.model.suspended)
    }

    async fn cancel(&mut self) -> String {
        let jobs: Vec<JobId> = self.model.jobs.keys().copied().collect();
        let Some(id) = jobs.choose(&mut self.rng).copied() else { return "nothing".to_owned() };
        let done = self.f.queue.cancel(Echo::QUEUE, id).await.unwrap() == Cancelled::Done;
        assert_eq!(done, self.model.cancel(id));
        format!("cancel {id}")
    }

    /// A job, most of the time a dead letter; and as it was named, or by an end that it has not had.
    fn letter(&mut self) -> Option<(JobId, bool)> {
        let dead = self.model.in_state(JobState::Failed);
        let all: Vec<JobId> = self.model.jobs.keys().copied().collect();
        let from = if dead.is_empty() || self.rng.random_bool(0.1) { all } else { dead };
        Some((from.choose(&mut self.rng).copied()?, self.rng.random_bool(0.1)))
    }

    async fn requeue(&mut self) -> String {
        let Some((id, another)) = self.letter() else { return "nothing".to_owned() };
        let reset_attempts = self.rng.random_bool(0.3);
        let letter = Letter { id, ended_at_ms: another.then_some(1) };
        let how = Requeue { reset_attempts };
        // Named twice, it is put back once.
        let seen = self.f.dead_letters().requeue(Echo::QUEUE, &[letter, letter], how).await.unwrap();
        let back = !another && self.model.requeue(id, reset_attempts);
        let moved = seen.iter().filter(|seen| seen.is_back()).count();
        assert_eq!(moved, usize::from(back), "{letter:?}: {seen:?}");
        format!("requeue {id} (another: {another}, reset: {reset_attempts}): {back}")
    }

    async fn purge(&mut self) -> String {
        let Some((id, another)) = self.letter() else { return "nothing".to_owned() };
        let letter = Letter { id, ended_at_ms: another.then_some(1) };
        let seen = self.f.dead_letters().purge(Echo::QUEUE, &[letter]).await.unwrap();
        assert_eq!(seen == [Purged::Purged], !another && self.model.purge(id), "{letter:?}: {seen:?}");
        format!("purge {id} (another: {another})")
    }

    async fn erase(&mut self) -> String {
        assert_eq!(self.f.users().erase(USER).await.unwrap().jobs, self.model.erase());
        "erase".to_owned()
    }

    async fn take(&mut self) -> String {
        let want = self.rng.random_range(1..=3);
        let request = JobId::new().to_string();
        let taken = self.taken(&request, want).await;
        let expected = self.model.take(want);
        let seen: Vec<_> = taken.iter().map(|job| (job.id, job.fence, job.attempt)).collect();
        assert_eq!(seen, expected);
        if !taken.is_empty() {
            self.last_take = Some((request, taken.iter().map(|job| (job.id, job.fence)).collect()));
        }
        self.attempts.extend(taken);
        format!("take {want}: {seen:?}")
    }

    /// The same request once more brings what of it is still held.
    async fn repeat_take(&mut self) -> String {
        let Some((request, jobs)) = self.last_take.clone() else { return "nothing".to_owned() };
        let held: Vec<_> = jobs.into_iter().filter(|(id, fence)| self.model.holds(*id, *fence)).collect();
        let seen: Vec<_> = self.taken(&request, 3).await.iter().map(|job| (job.id, job.fence)).collect();
        assert_eq!(seen, held);
        "repeat the last take".to_owned()
    }

    async fn taken(&self, request: &str, want: usize) -> Vec<TakenJob> {
        match self.f.take_as(request, want, &self.f.settings).await {
            Taken::Jobs(jobs, _) => jobs,
            Taken::Wait(_) => Vec::new(),
        }
    }

    async fn settle(&mut self) -> String {
        let Some(attempt) = self.attempt() else { return "nothing".to_owned() };
        let at_once = self.rng.random_bool(0.6);
        let ends = [End::Complete, End::Retry { at_once }, End::Snooze { at_once }, End::Fail, End::Cancel];
        let end = *ends.choose(&mut self.rng).unwrap();
        let done = self.f.settle(&attempt, &outcome(end)).await != Settled::Stale;
        assert_eq!(done, self.model.settle(attempt.id, attempt.fence, end), "{end:?} of {attempt:?}");
        format!("settle {} under {}: {end:?}", attempt.id, attempt.fence)
    }

    async fn checkpoint(&mut self) -> String {
        let Some(attempt) = self.attempt() else { return "nothing".to_owned() };
        let progress = self.rng.random_range(0..=90);
        let done = self.f.context(&attempt).checkpoint("part", "1", progress).await.is_ok();
        assert_eq!(done, self.model.checkpoint(attempt.id, progress));
        format!("checkpoint {} under {}", attempt.id, attempt.fence)
    }

    async fn renew(&mut self) -> String {
        let Some(attempt) = self.attempt() else { return "nothing".to_owned() };
        let held = [(attempt.id, attempt.fence)];
        let lost = renew(&self.f.pool, &self.f.keys, (QUEUE, ""), Duration::from_secs(30), &held).await.unwrap();
        assert_eq!(lost.is_empty(), self.model.renew(attempt.id, attempt.fence));
        format!("renew {} under {}", attempt.id, attempt.fence)
    }

    /// Lets the time come for a job in `state`, by its score in an index.
    async fn time(&mut self, state: JobState, tell: fn(&mut Model, JobId), index: String) -> String {
        let Some(id) = self.model.in_state(state).choose(&mut self.rng).copied() else { return "nothing".to_owned() };
        self.f.raw::<u64>(&["ZADD", &index, "XX", "1", &id.to_string()]).await;
        tell(&mut self.model, id);
        format!("time comes for {id} in {index}")
    }

    /// A recent attempt, or an old one.
    fn attempt(&mut self) -> Option<TakenJob> {
        let recent = self.attempts.len().saturating_sub(6);
        let from = if self.rng.random_bool(0.8) { &self.attempts[recent..] } else { &self.attempts[..] };
        from.choose(&mut self.rng).cloned()
    }

    async fn compare(&self, when: &str) {
        for (id, expected) in &self.model.jobs {
            let view = self.f.view(*id).await;
            let fence: u64 = self.f.raw(&["HGET", &self.f.keys.job(*id), "fence"]).await;
            let seen = (view.state, view.attempts, fence, view.progress);
            assert_eq!(
                seen,
                (expected.state, expected.attempts, expected.fence, expected.progress),
                "{id} after {when}"
            );
        }
        let detail = self.f.users().detail(USER).await.unwrap();
        let seen = (detail.activity.counts, detail.suspension.is_some());
        assert_eq!(seen, (self.model.counts(), self.model.suspended), "after {when}");
        let keys = &self.f.keys;
        let unfinished = [JobState::Scheduled, JobState::Waiting, JobState::Active];
        for (index, states) in [
            (keys.waiting(QUEUE, &Echo::lane(), Priority::Interactive), &[JobState::Waiting][..]),
            (keys.scheduled(QUEUE), &[JobState::Scheduled]),
            (keys.leases(QUEUE), &[JobState::Active]),
            (keys.deadlines(QUEUE), &unfinished),
            (keys.done(QUEUE), &[JobState::Completed, JobState::Cancelled]),
            (keys.dead(QUEUE), &[JobState::Failed]),
        ] {
            let seen: BTreeSet<String> = self.f.raw(&["ZRANGE", &index, "0", "-1"]).await;
            let in_line = states == [JobState::Waiting];
            let jobs = self.model.jobs.iter().filter(|(_, job)| states.contains(&job.state));
            let jobs = jobs.filter(|(id, _)| !(in_line && self.model.is_suspect(**id)));
            let expected: BTreeSet<String> = jobs.map(|(id, _)| id.to_string()).collect();
            assert_eq!(seen, expected, "{index} after {when}");
        }
    }
}

fn outcome(end: End) -> Outcome {
    let (kind, at_once) = match end {
        End::Complete => return Outcome::Complete(raw("done")),
        End::Retry { at_once } => (OutcomeKind::Retry, at_once),
        End::Snooze { at_once } => (OutcomeKind::Snooze, at_once),
        End::Fail => (OutcomeKind::Fail, true),
        End::Cancel => (OutcomeKind::Cancel, true),
    };
    let delay = if at_once { Duration::ZERO } else { Duration::from_mins(10) };
    Outcome::Unfinished(Unfinished {
        kind,
        delay,
        code: "code".to_owned(),
        message: "message".to_owned(),
        chain: "code: message".to_owned(),
    })
}
