//! A user's jobs in pages.

use super::fixture::{Echo, Fixture, QUEUE, raw};
use crate::{
    job::{JobError, JobId, JobState},
    queue::{JobFilter, NewJob, outcome::Outcome},
};

impl Fixture {
    async fn listed(&self, user: &str, say: &str) -> JobId {
        self.accept(&NewJob { listed: true, ..NewJob::new(Echo { say: say.to_owned() }, user) }).await
    }

    /// Every page of so many, after the last of the one before.
    async fn pages(&self, user: &str, filter: JobFilter) -> Vec<Vec<JobId>> {
        let (mut filter, mut pages) = (filter, Vec::new());
        loop {
            let page = self.queue.jobs_of(user, &filter).await.unwrap();
            pages.push(page.jobs.iter().map(|job| job.id).collect());
            filter.after = page.next;
            if filter.after.is_none() {
                return pages;
            }
        }
    }
}

fn every(most: usize) -> JobFilter {
    JobFilter { most, ..JobFilter::default() }
}

#[tokio::test]
async fn pages_have_each_of_a_users_jobs_once_newest_first() {
    let f = Fixture::start().await;
    let mut ids = Vec::new();
    for n in 0..7 {
        ids.push(f.listed("ada", &n.to_string()).await);
        f.listed("bob", &n.to_string()).await;
    }
    f.enqueue("of nobody's list").await;
    ids.sort_unstable_by_key(|id| std::cmp::Reverse(id.to_string()));
    assert_eq!(f.pages("ada", every(3)).await.concat(), ids);
    assert_eq!(f.pages("ada", every(7)).await, [ids.clone()]);
    assert_eq!(f.pages("eve", every(7)).await, [[]]);
    // The last of the first page is no longer kept when the second one is asked for.
    let first = f.queue.jobs_of("ada", &every(3)).await.unwrap();
    f.raw::<u64>(&["ZREM", &f.keys.jobs_of("ada"), &ids[2].to_string()]).await;
    let second = f.queue.jobs_of("ada", &JobFilter { after: first.next, ..every(4) }).await.unwrap();
    assert_eq!(second.jobs.iter().map(|job| job.id).collect::<Vec<_>>(), ids[3..]);
}

#[tokio::test]
async fn a_filter_chooses_and_results_are_left_out() {
    let f = Fixture::start().await;
    let (done, failed) = (f.listed("ada", "1").await, f.listed("ada", "2").await);
    let waiting = f.listed("ada", "3").await;
    let jobs = f.take(2).await;
    f.settle(&jobs[0], &Outcome::Complete(raw("the result"))).await;
    f.end(&jobs[1], &JobError::fail("e", "m")).await;
    for (state, id) in [(JobState::Completed, done), (JobState::Failed, failed), (JobState::Waiting, waiting)] {
        let page = f.queue.jobs_of("ada", &JobFilter { state: Some(state), ..every(5) }).await.unwrap();
        let [job] = &page.jobs[..] else { panic!("{state:?}: {page:?}") };
        assert_eq!((job.id, job.state, job.result.is_none()), (id, state, true));
    }
    let of_kind = |kind: &str| JobFilter { kind: Some(kind.to_owned()), ..every(5) };
    assert_eq!(f.pages("ada", of_kind("echo")).await[0].len(), 3);
    assert_eq!(f.pages("ada", of_kind("other")).await, [[]]);
}

#[tokio::test]
async fn what_is_no_longer_kept_leaves_the_list() {
    let f = Fixture::start().await;
    let (gone, kept) = (f.listed("ada", "1").await, f.listed("ada", "2").await);
    f.raw::<u64>(&["DEL", &f.keys.job(gone)]).await;
    f.raw::<u64>(&["ZREM", &f.keys.deadlines(QUEUE), &gone.to_string()]).await;
    assert_eq!(f.pages("ada", every(5)).await, [[kept]]);
    assert_eq!(f.count(&f.keys.jobs_of("ada")).await, 1);
    assert!(f.raw::<i64>(&["PTTL", &f.keys.jobs_of("ada")]).await > 0);
}

#[tokio::test]
async fn a_list_is_bounded() {
    let f = Fixture::start().await;
    let mut add = redis::pipe();
    for n in 0..1_000 {
        add.zadd(f.keys.jobs_of("ada"), JobId::new().to_string(), n).ignore();
    }
    // As many as were accepted.
    add.hset(f.keys.user("ada"), "accepted", 1_000).ignore();
    f.pool.query::<()>(&add).await.unwrap();
    let newest = f.listed("ada", "1").await;
    assert_eq!(f.count(&f.keys.jobs_of("ada")).await, 1_000);
    // Those that are met and not kept make way in steps.
    let pages = f.pages("ada", every(5)).await;
    assert_eq!(pages.concat(), [newest]);
    assert_eq!(f.count(&f.keys.jobs_of("ada")).await, 1);
}
