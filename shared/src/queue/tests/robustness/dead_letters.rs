//! Dead letters with each kind of damage.

use super::damage::{FIELDS, values};
use crate::{
    dead_letter::{DeadLetters, Letter, Requeue},
    job::{JobId, QueueName},
    queue::tests::fixture::Fixture,
};

#[tokio::test]
async fn a_damaged_letter_stops_nobody_and_ends_or_stays() {
    let f = Fixture::with_everything().await;
    let values = values();
    let mut ids: Vec<JobId> = Vec::new();
    for n in 0..FIELDS.len() * values.len() {
        ids.push(f.verse("ada", "record", n).await);
        f.take_and_fail("refused").await;
    }
    for (n, id) in ids.iter().enumerate() {
        f.damage_field(*id, FIELDS[n / values.len()], values[n % values.len()].as_deref()).await;
    }
    let healthy = f.verse("eve", "record", ids.len()).await;
    f.take_and_fail("refused").await;
    ids.push(healthy);
    let letters: Vec<_> = ids.iter().map(|id| Letter { id: *id, ended_at_ms: None }).collect();
    let mut back = 0;
    for some in letters.chunks(DeadLetters::STEP) {
        let seen = f.dead_letters().requeue(QueueName::Ai, some, Requeue::default()).await.unwrap();
        back += seen.iter().filter(|seen| seen.is_back()).count();
    }
    assert!(back * 2 > ids.len(), "most damage does no harm: {back} of {}", ids.len());
    // Whatever a take makes of them, it goes on.
    let mut left = 1_000;
    loop {
        let jobs = f.take(64).await;
        for job in &jobs {
            f.complete(job).await;
        }
        left -= 1;
        if left == 0 || jobs.iter().any(|job| job.id == healthy) {
            break;
        }
    }
    assert_ne!(left, 0, "the healthy one is never taken");
}
