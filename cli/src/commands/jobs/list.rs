//! `jobs list`.

use std::{fmt, process::ExitCode};

use serde::Serialize;
use shared::{
    job::{JobState, QueueName},
    queue::{IndexedJob, JobFilter, JobIndex, JobOrder, JobSpan, Queue},
    timestamp::rfc3339,
};

use super::ListArgs;
use crate::{
    commands::letters::{DONE, NOT_ALL},
    output::{plain, width},
};

pub(super) async fn run(args: ListArgs) -> anyhow::Result<ExitCode> {
    let queue = args.system.queue()?;
    let mut jobs = match &args.user {
        Some(user) => of_user(&queue, user, &args).await?,
        None => of_queues(&queue, &args).await?,
    };
    jobs.sort_by_key(|job| std::cmp::Reverse(job.created_at_ms));
    jobs.truncate(usize::try_from(args.limit).unwrap_or(usize::MAX));
    let code = if jobs.is_empty() { NOT_ALL } else { DONE };
    let listed = Listed(jobs.into_iter().map(Shown::from).collect());
    args.system.answer(&listed, &listed)?;
    Ok(ExitCode::from(code))
}

/// Jobs by the user's own list.
async fn of_user(queue: &Queue, user: &str, args: &ListArgs) -> anyhow::Result<Vec<IndexedJob>> {
    let mut filter = JobFilter { state: args.state, kind: args.kind.clone(), after: None, most: Queue::PAGE_MAX };
    let mut jobs = Vec::new();
    loop {
        let page = queue.jobs_of(user, &filter).await?;
        let ids: Vec<_> = page.jobs.iter().map(|job| job.id).collect();
        jobs.extend(queue.look_up(&ids).await?.into_iter().filter(|job| wants(args, job)));
        filter.after = page.next;
        if filter.after.is_none() || jobs.len() as u64 >= args.limit {
            return Ok(jobs);
        }
    }
}

/// Jobs by the indexes that can have them: of each as many as are wanted of all.
async fn of_queues(queue: &Queue, args: &ListArgs) -> anyhow::Result<Vec<IndexedJob>> {
    let indexes: &[JobIndex] = match args.state {
        None => &[JobIndex::Unfinished, JobIndex::Done, JobIndex::Dead],
        Some(JobState::Completed | JobState::Cancelled) => &[JobIndex::Done],
        Some(JobState::Failed) => &[JobIndex::Dead],
        Some(JobState::Scheduled | JobState::Waiting | JobState::Active) => &[JobIndex::Unfinished],
    };
    let mut jobs = Vec::new();
    for name in QueueName::ALL.into_iter().filter(|name| args.queue.is_none_or(|queue| queue == *name)) {
        for index in indexes {
            let (mut span, mut found) = (JobSpan::all(*index, JobOrder::Newest), 0);
            loop {
                let page = queue.next_page(name, &mut span, Queue::PAGE_MAX).await?;
                let before = jobs.len();
                jobs.extend(page.jobs.into_iter().filter(|job| wants(args, job)));
                found += (jobs.len() - before) as u64;
                if !page.more || found >= args.limit {
                    break;
                }
            }
        }
    }
    Ok(jobs)
}

fn wants(args: &ListArgs, job: &IndexedJob) -> bool {
    job.state.is_some_and(|state| args.state.is_none_or(|wanted| wanted == state))
        && args.queue.is_none_or(|queue| job.queue == Some(queue))
        && args.kind.as_ref().is_none_or(|kind| *kind == job.kind)
}

/// A job as it is shown.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    pub(super) id: String,
    pub(super) queue: Option<&'static str>,
    pub(super) kind: String,
    pub(super) user: String,
    pub(super) state: Option<&'static str>,
    pub(super) class: String,
    pub(super) attempts: u32,
    pub(super) max_attempts: u32,
    pub(super) requeued: u32,
    pub(super) created: Option<String>,
    pub(super) ended: Option<String>,
    pub(super) due: Option<String>,
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
}

impl From<IndexedJob> for Shown {
    fn from(job: IndexedJob) -> Self {
        let said = |text: String| if text.is_empty() { None } else { Some(text) };
        Self {
            id: job.name,
            queue: job.queue.map(QueueName::as_str),
            kind: job.kind,
            user: job.user,
            state: job.state.map(JobState::as_str),
            class: job.class,
            attempts: job.attempts,
            max_attempts: job.max_attempts,
            requeued: job.requeued,
            created: job.created_at_ms.map(rfc3339),
            ended: job.ended_at_ms.map(rfc3339),
            due: job.run_at_ms.filter(|_| job.state == Some(JobState::Scheduled)).map(rfc3339),
            code: said(job.code),
            message: said(job.message),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Listed(Vec<Shown>);

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("No job matches.");
        }
        let user = width("user", self.0.iter().map(|job| &*job.user));
        let kind = width("kind", self.0.iter().map(|job| &*job.kind));
        write!(
            f,
            "{:<24}  {:<36}  {:<9}  {:<kind$}  {:<user$}  {:>8}  error",
            "accepted", "id", "state", "kind", "user", "attempts"
        )?;
        for job in &self.0 {
            write!(
                f,
                "\n{:<24}  {:<36}  {:<9}  {:<kind$}  {:<user$}  {:>8}  {}",
                job.created.as_deref().unwrap_or("-"),
                plain(&job.id),
                job.state.unwrap_or("-"),
                plain(&job.kind),
                plain(&job.user),
                format!("{}/{}", job.attempts, job.max_attempts),
                plain(job.code.as_deref().unwrap_or("-"))
            )?;
        }
        Ok(())
    }
}
