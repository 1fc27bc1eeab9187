//! What the scripts do with work that several jobs want, once more in plain Rust. Slow, obvious, and right.

use std::collections::BTreeMap;

use crate::{
    job::{JobId, JobState, Priority},
    queue::{
        Meeting,
        tests::{model::End, outage_model::LookedAfter, suspects_model::Suspects},
    },
};

/// Who takes all jobs.
const WORKER: &str = "by-hand";
pub(super) const LEASE: i64 = 30_000;
pub(super) const DEADLINE: i64 = 100_000;
pub(super) const CACHE_TTL: i64 = 60_000;
pub(super) const CACHE_MAX: usize = 120;
pub(super) const RETRY_AFTER: i64 = 5_000;
pub(super) const MAX_ATTEMPTS: u32 = 3;

/// A request, as the model reads it.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) user: &'static str,
    pub(super) text: &'static str,
    pub(super) class: Priority,
    pub(super) fresh: bool,
    pub(super) key: Option<&'static str>,
}

/// A job as the model knows it.
#[derive(Debug, Clone)]
pub(super) struct Job {
    user: &'static str,
    /// The key under which it was asked for last.
    asked: Option<(&'static str, &'static str)>,
    pub(super) text: &'static str,
    pub(super) class: Priority,
    pub(super) state: JobState,
    pub(super) attempts: u32,
    pub(super) fence: u64,
    pub(super) fresh: bool,
    pub(super) cached: bool,
    /// Whose result it waits for.
    pub(super) follows: Option<JobId>,
    /// Whose result it has.
    pub(super) result_of: Option<JobId>,
    /// Why it failed.
    pub(super) code: &'static str,
    pub(super) recorded: bool,
    settled: u64,
    deadline: i64,
    /// When it is due, or its lease lapses.
    until: i64,
}

#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) now: i64,
    pub(super) suspects: Suspects,
    pub(super) jobs: BTreeMap<JobId, Job>,
    pub(super) leaders: BTreeMap<&'static str, JobId>,
    /// Every result there ever was.
    pub(super) results: BTreeMap<JobId, String>,
    /// The results that answer, the oldest first: text, whose, until when.
    pub(super) cached: Vec<(&'static str, JobId, i64)>,
    /// Whose each result was.
    owners: BTreeMap<JobId, &'static str>,
    /// The newest of them for each text.
    answers: BTreeMap<&'static str, JobId>,
    repeats: BTreeMap<(&'static str, &'static str), JobId>,
    names: BTreeMap<(&'static str, &'static str), (JobId, &'static str, Priority, bool)>,
    looked_after: LookedAfter,
}

impl Job {
    pub(super) fn runs(&self) -> bool {
        !self.state.is_final()
    }

    pub(super) fn in_line(&self) -> bool {
        self.state == JobState::Waiting && self.follows.is_none()
    }
}

impl Model {
    pub(super) fn new(now: i64) -> Self {
        Self { now, ..Self::default() }
    }

    /// What a request meets, whose job may get `id`; `None` where its key stands for another request.
    pub(super) fn enqueue(&mut self, id: JobId, ask: &Request) -> Option<(JobId, Meeting)> {
        let name = ask.key.map(|key| (ask.user, key));
        if let Some((job, text, class, fresh)) = name.and_then(|name| self.names.get(&name).copied()) {
            if (text, class, fresh) != (ask.text, ask.class, ask.fresh) {
                return None;
            }
            if self.jobs.contains_key(&job) {
                return Some((job, Meeting::Known));
            }
        }
        let (job, meeting) = self.meet(id, ask);
        if let Some(name) = name {
            self.names.insert(name, (job, ask.text, ask.class, ask.fresh));
            self.job(job).asked = Some(name);
        }
        if meeting != Meeting::Known {
            self.repeats.insert((ask.user, ask.text), id);
        }
        Some((job, meeting))
    }

    fn meet(&mut self, id: JobId, ask: &Request) -> (JobId, Meeting) {
        let mut job = Job {
            user: ask.user,
            asked: None,
            text: ask.text,
            class: ask.class,
            state: JobState::Waiting,
            attempts: 0,
            fence: 0,
            fresh: ask.fresh,
            cached: false,
            follows: None,
            result_of: None,
            code: "",
            recorded: false,
            settled: 0,
            deadline: self.now + DEADLINE,
            until: 0,
        };
        let mut meeting = Meeting::New;
        if !ask.fresh {
            let own = self.repeats.get(&(ask.user, ask.text)).copied();
            let came_to_nothing = |job: &Job| matches!(job.state, JobState::Failed | JobState::Cancelled);
            if let Some(own) = own.filter(|own| self.jobs.get(own).is_some_and(|job| !came_to_nothing(job))) {
                self.hurry(own, ask.class);
                return (own, Meeting::Known);
            }
            let answer = self.cached.iter().find(|(_, of, _)| self.answers.get(ask.text) == Some(of));
            if let Some((_, of, _)) = answer.filter(|(_, _, until)| self.now < *until) {
                (job.state, job.result_of, job.cached) = (JobState::Completed, Some(*of), true);
                meeting = Meeting::Cached;
            } else if let Some(leader) = self.leaders.get(ask.text).copied() {
                job.follows = Some(leader);
                self.hurry(leader, ask.class);
                meeting = Meeting::Joined;
            } else {
                self.leaders.insert(ask.text, id);
            }
        }
        self.jobs.insert(id, job);
        (id, meeting)
    }

    fn hurry(&mut self, id: JobId, class: Priority) {
        let Some(job) = self.jobs.get_mut(&id).filter(|job| job.runs()) else { return };
        job.class = job.class.min(class);
        if let Some(leader) = job.follows {
            self.hurry(leader, class);
        }
    }

    /// What time has brought about, and how many jobs a take may then bring.
    pub(super) fn before_take(&mut self) -> usize {
        let now = self.now;
        if let Some(seen) = self.looked_after.look(now, LEASE) {
            let held = self.jobs.values_mut().filter(|job| job.state == JobState::Active && job.until > seen);
            held.for_each(|job| job.until = now + LEASE);
        }
        for job in self.jobs.values_mut().filter(|job| job.state == JobState::Scheduled && job.until <= now) {
            job.state = JobState::Waiting;
        }
        for id in self.ids(|job| job.state == JobState::Active && job.until <= now) {
            let jobs = &self.jobs;
            if self.suspects.lose(WORKER, id, now, |id, fence| runs(jobs, id, fence)) {
                self.fail(id, "worker_lost");
            } else {
                let job = self.job(id);
                job.state = JobState::Waiting;
                job.attempts -= 1;
            }
        }
        // In the order of acceptance, which is that of the deadlines.
        for id in self.ids(|job| job.runs() && job.deadline <= now) {
            self.fail(id, "deadline_exceeded");
        }
        while let Some(old) = self.cached.iter().position(|(_, _, until)| *until <= now) {
            self.forget_result(old);
        }
        let waiting = self.ids(Job::in_line);
        let others = waiting.iter().filter(|id| !self.suspects.contains(**id)).count();
        others + self.suspects.next(WORKER, &waiting, |id, fence| runs(&self.jobs, id, fence)).len()
    }

    /// The job is taken; whether it may be, under this fence and attempt.
    pub(super) fn take(&mut self, id: JobId, fence: u64, attempt: u32) -> bool {
        let until = self.now + LEASE;
        if self.suspects.contains(id) {
            self.suspects.give(WORKER, id, fence);
        }
        let Some(job) = self.jobs.get_mut(&id).filter(|job| job.in_line()) else { return false };
        (job.state, job.until) = (JobState::Active, until);
        job.attempts += 1;
        job.fence += 1;
        (job.fence, job.attempts) == (fence, attempt)
    }

    /// Whether the settle was done, now or before.
    pub(super) fn settle(&mut self, id: JobId, fence: u64, end: End, result: &str) -> bool {
        let now = self.now;
        let Some(job) = self.jobs.get_mut(&id) else { return false };
        if job.settled == fence {
            return true;
        }
        let held = job.state == JobState::Active && job.fence == fence;
        if !held && (end != End::Complete || !job.runs()) {
            return false;
        }
        job.settled = fence;
        let again = |at_once: bool| if at_once { JobState::Waiting } else { JobState::Scheduled };
        job.until = now + RETRY_AFTER;
        match end {
            End::Complete => self.complete(id, result),
            End::Cancel => self.cancel(id),
            End::Fail => self.fail(id, "code"),
            End::Retry { .. } if job.attempts >= MAX_ATTEMPTS => self.fail(id, "code"),
            End::Retry { at_once } => job.state = again(at_once),
            End::Snooze { at_once } => {
                job.attempts -= 1;
                job.state = again(at_once);
            }
        }
        true
    }

    pub(super) fn checkpoint(&mut self, id: JobId) -> bool {
        let Some(job) = self.jobs.get_mut(&id).filter(|job| job.runs()) else { return false };
        job.recorded = true;
        true
    }

    /// Ends a job that has not ended by request.
    pub(super) fn cancel(&mut self, id: JobId) {
        self.job(id).state = JobState::Cancelled;
        self.job(id).follows = None;
        self.forget_repeat(id);
        self.pass_on(id);
        self.job(id).recorded = false;
    }

    /// Nothing is left of a user. How many jobs there were.
    pub(super) fn erase(&mut self, user: &str) -> usize {
        for id in self.ids(|job| job.user == user && job.runs()) {
            self.cancel(id);
        }
        // Results of jobs that are gone are found where they answer.
        let found = |model: &Self, (text, id, _): &(&str, JobId, i64)| match model.jobs.get(id) {
            Some(job) => job.user == user,
            None => model.owners[id] == user && model.answers.get(text) == Some(id),
        };
        while let Some(at) = self.cached.iter().position(|entry| found(self, entry)) {
            self.forget_result(at);
        }
        let gone = self.ids(|job| job.user == user);
        for id in &gone {
            self.answers.retain(|_, answers| answers != id);
            if let Some(name) = self.jobs.remove(id).and_then(|job| job.asked) {
                self.names.remove(&name);
            }
        }
        gone.len()
    }

    fn complete(&mut self, id: JobId, result: &str) {
        let text = self.jobs[&id].text;
        self.results.insert(id, result.to_owned());
        self.owners.insert(id, self.jobs[&id].user);
        if result.len() <= CACHE_MAX {
            self.cached.push((text, id, self.now + CACHE_TTL));
            self.answers.insert(text, id);
            while self.cached_bytes() > CACHE_MAX {
                self.forget_result(0);
            }
        }
        for one in self.followers(id).into_iter().chain([id]) {
            let job = self.job(one);
            (job.state, job.result_of, job.follows) = (JobState::Completed, Some(id), None);
        }
        self.job(id).recorded = false;
        self.step_down(id);
    }

    fn fail(&mut self, id: JobId, code: &'static str) {
        let job = self.job(id);
        (job.state, job.code, job.follows) = (JobState::Failed, code, None);
        self.forget_repeat(id);
        if code == "deadline_exceeded" {
            return self.pass_on(id);
        }
        for follower in self.followers(id) {
            let job = self.job(follower);
            (job.state, job.code, job.follows) = (JobState::Failed, code, None);
            self.forget_repeat(follower);
        }
        self.step_down(id);
    }

    /// The job came to nothing: its user's own job is the one that leads, where that is theirs.
    fn forget_repeat(&mut self, id: JobId) {
        let Job { user, text, .. } = self.jobs[&id];
        if self.repeats.get(&(user, text)) != Some(&id) {
            return;
        }
        match self.leaders.get(text).copied().filter(|leader| *leader != id && self.jobs[leader].user == user) {
            Some(leader) => self.repeats.insert((user, text), leader),
            None => self.repeats.remove(&(user, text)),
        };
    }

    /// The work goes on without its leader, from where that one has come.
    fn pass_on(&mut self, id: JobId) {
        self.step_down(id);
        let Job { text, class, recorded, .. } = self.jobs[&id];
        let followers = self.followers(id);
        let Some(next) = followers.first().copied() else { return };
        for follower in followers {
            self.job(follower).follows = Some(next);
        }
        let job = self.job(next);
        (job.follows, job.class, job.recorded) = (None, job.class.min(class), recorded);
        self.job(id).recorded = false;
        self.leaders.insert(text, next);
    }

    fn step_down(&mut self, id: JobId) {
        self.leaders.retain(|_, leader| *leader != id);
    }

    fn forget_result(&mut self, at: usize) {
        let (text, id, _) = self.cached.remove(at);
        if self.answers.get(text) == Some(&id) {
            self.answers.remove(text);
        }
    }

    pub(super) fn cached_bytes(&self) -> usize {
        self.cached.iter().map(|(_, id, _)| self.results[id].len()).sum()
    }

    /// In the order of their acceptance.
    pub(super) fn followers(&self, id: JobId) -> Vec<JobId> {
        self.ids(|job| job.follows == Some(id))
    }

    /// Ids sort by the time of acceptance.
    pub(super) fn ids(&self, which: impl Fn(&Job) -> bool) -> Vec<JobId> {
        self.jobs.iter().filter(|(_, job)| which(job)).map(|(id, _)| *id).collect()
    }

    fn job(&mut self, id: JobId) -> &mut Job {
        self.jobs.get_mut(&id).expect("the job is kept")
    }
}

fn runs(jobs: &BTreeMap<JobId, Job>, id: JobId, fence: u64) -> bool {
    jobs.get(&id).is_some_and(|job| job.state == JobState::Active && job.fence == fence)
}
