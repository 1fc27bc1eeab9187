//! Each field of a stored job with each kind of damage, in each state.

use super::{
    damage::{FIELDS, values},
    patient::Patient,
};
use crate::{
    job::{JobId, JobState},
    queue::{
        NewJob,
        tests::fixture::{Echo, Fixture, QUEUE},
    },
};

/// Jobs in `state`, one for each field and damage, and who follows them.
async fn survives(state: JobState) {
    let f = Fixture::with_everything().await;
    let values = values();
    let number = FIELDS.len() * values.len();
    let mut ids = Vec::new();
    for n in 0..number {
        let id = if state == JobState::Scheduled {
            let delay = std::time::Duration::from_hours(1);
            f.accept(&NewJob { delay, ..NewJob::new(Echo { say: "record".to_owned() }, "ada") }).await
        } else {
            f.verse("ada", "record", n).await
        };
        ids.push(id);
    }
    if state == JobState::Active {
        while f.take(64).await.len() == 64 {}
        assert_eq!(f.count(&f.keys.leases(QUEUE)).await, number as u64);
    }
    let mut damaged = Vec::new();
    for (n, id) in ids.iter().enumerate() {
        if state != JobState::Scheduled && n % 7 == 0 {
            damaged.push((f.verse("bob", "record", n).await, format!("follows number {n}")));
        }
        let (field, value) = (FIELDS[n / values.len()], &values[n % values.len()]);
        f.damage_field(*id, field, value.as_deref()).await;
        let shown = value.as_ref().map(|value| String::from_utf8_lossy(&value[..value.len().min(20)]).into_owned());
        damaged.push((*id, format!("{state:?}, {field}: {shown:?}")));
    }
    for id in &ids {
        // Where it is due, or its lease may lapse, it does.
        f.raw::<u64>(&["ZADD", &f.keys.scheduled(QUEUE), "XX", "1", &id.to_string()]).await;
        f.let_lapse(*id).await;
    }
    let mut healthy: Vec<JobId> = Vec::new();
    for n in 0..20 {
        healthy.push(f.verse("healthy", "record", number + n).await);
    }
    let worker = f.start_nurse();
    for n in 20..40 {
        healthy.push(f.verse("healthy", "record", number + n).await);
    }
    Patient { f, worker, damaged, healthy }.recovers().await;
}

#[tokio::test]
async fn waiting_jobs_with_a_damaged_field_end() {
    survives(JobState::Waiting).await;
}

#[tokio::test]
async fn scheduled_jobs_with_a_damaged_field_end() {
    survives(JobState::Scheduled).await;
}

#[tokio::test]
async fn lapsed_jobs_with_a_damaged_field_end() {
    survives(JobState::Active).await;
}
