//! Finding the letters that are meant, page by page.

use std::collections::VecDeque;

use shared::{
    job::{JobId, JobState, QueueName},
    queue::{IndexedJob, JobIndex, JobOrder, JobSpan, Queue},
    redis::UnavailableError,
};

use super::{Filter, FilterArgs};

/// Letters of one queue.
#[derive(Debug)]
pub(in crate::commands) struct Found {
    pub(in crate::commands) queue: QueueName,
    pub(in crate::commands) letters: Vec<IndexedJob>,
    /// Entries that were looked at for these.
    pub(in crate::commands) looked_at: u64,
}

/// A look through dead letters, oldest or newest first. It sees each once, whatever happens to them meanwhile.
#[derive(Debug)]
pub(in crate::commands) struct Look {
    queue: Queue,
    filter: Filter,
    spans: VecDeque<(QueueName, JobSpan)>,
    left: u64,
}

impl Look {
    pub(in crate::commands) fn new(queue: &Queue, filter: &Filter, order: JobOrder) -> Self {
        let span = JobSpan {
            since_ms: filter.since_ms,
            until_ms: Some(filter.until_ms),
            ..JobSpan::all(JobIndex::Dead, order)
        };
        let spans = filter.queues.iter().map(|queue| (*queue, span.clone())).collect();
        Self { queue: queue.clone(), filter: filter.clone(), spans, left: filter.limit }
    }

    /// Those of the next page that are meant; `None` when there are no more.
    pub(in crate::commands) async fn next(&mut self) -> Result<Option<Found>, UnavailableError> {
        if self.left == 0 {
            return Ok(None);
        }
        let Some((queue, span)) = self.spans.front_mut() else { return Ok(None) };
        let queue = *queue;
        let page = self.queue.next_page(queue, span, Queue::PAGE_MAX).await?;
        if !page.more {
            self.spans.pop_front();
        }
        let looked_at = page.jobs.len() as u64;
        let mut letters: Vec<_> = page.jobs.into_iter().filter(|letter| self.filter.wants(letter)).collect();
        letters.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.left -= letters.len() as u64;
        Ok(Some(Found { queue, letters, looked_at }))
    }

    /// Looks no more through `queue`.
    pub(in crate::commands) fn leave(&mut self, queue: QueueName) {
        self.spans.retain(|(of, _)| *of != queue);
    }
}

impl FilterArgs {
    /// What is meant now, by Redis' clock.
    pub(in crate::commands) async fn now(&self, queue: &Queue, limit: u64) -> Result<Filter, UnavailableError> {
        let mut nothing = JobSpan::all(JobIndex::Dead, JobOrder::Oldest);
        let now_ms = queue.next_page(QueueName::Ai, &mut nothing, 1).await?.now_ms;
        Ok(self.at(now_ms, limit))
    }
}

/// The dead letters among these jobs, by queue, and how many of the jobs are none.
pub(in crate::commands) async fn named(queue: &Queue, ids: &[JobId]) -> Result<(Vec<Found>, u64), UnavailableError> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let jobs = queue.look_up(&ids).await?;
    let letters: Vec<_> = jobs.into_iter().filter(|job| job.state == Some(JobState::Failed)).collect();
    let others = ids.len() - letters.len();
    let of_queue = |queue| {
        let letters: Vec<_> = letters.iter().filter(|letter| letter.queue == Some(queue)).cloned().collect();
        Found { queue, looked_at: letters.len() as u64, letters }
    };
    Ok((QueueName::ALL.map(of_queue).into_iter().filter(|found| !found.letters.is_empty()).collect(), others as u64))
}
