//! Following a job from afar.

use std::time::Duration;

use tokio::time::timeout;

use super::fixture::Fixture;
use crate::{
    job::{JobState, JobView},
    lifecycle::Lifecycle,
    queue::{JobChanges, JobEvents},
};

async fn next(changes: &mut JobChanges) -> Option<JobView> {
    timeout(Duration::from_secs(20), changes.next()).await.expect("nothing has happened")
}

/// Looks until the job is as wanted; a look that shows nothing new is allowed.
async fn until(changes: &mut JobChanges, wanted: impl Fn(&JobView) -> bool) {
    while !wanted(&next(changes).await.expect("the job is known")) {}
}

#[tokio::test]
async fn starts_progress_and_ends_are_all_seen() {
    let f = Fixture::start().await;
    let lifecycle = Lifecycle::new();
    let events = JobEvents::start(f.queue.clone(), &lifecycle);
    let id = f.enqueue("a").await;
    let mut changes = events.follow(id);
    // The subscription stands: what happens from now on is seen by itself.
    until(&mut changes, |job| job.state == JobState::Waiting).await;
    let job = f.take_one().await;
    until(&mut changes, |job| job.state == JobState::Active).await;
    f.context(&job).checkpoint("part", "done", 40).await.unwrap();
    until(&mut changes, |job| job.progress == 40).await;
    f.complete(&job).await;
    until(&mut changes, |job| job.state == JobState::Completed).await;
    // Another one comes late, on the same subscription.
    let mut late = events.follow(id);
    assert_eq!(next(&mut late).await.unwrap().state, JobState::Completed);

    lifecycle.drain().cancel();
    assert!(next(&mut changes).await.is_none(), "a process that drains tells nothing more");
    drop((changes, late));
    lifecycle.finish().await;
}

#[tokio::test]
async fn a_job_that_is_gone_has_no_more_changes() {
    let f = Fixture::start().await;
    let lifecycle = Lifecycle::new();
    let events = JobEvents::start(f.queue.clone(), &lifecycle);
    let mut changes = events.follow(crate::job::JobId::new());
    assert!(next(&mut changes).await.is_none());
    lifecycle.finish().await;
}
