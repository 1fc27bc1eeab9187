//! Looking through an index while others change it.

use std::collections::BTreeSet;

use rand::{Rng, SeedableRng, rngs::StdRng};

use super::super::fixture::{Fixture, QUEUE};
use crate::{
    job::{JobId, QueueName},
    queue::{JobIndex, JobOrder, JobSpan},
};

async fn seen(f: &Fixture, mut span: JobSpan, most: usize) -> Vec<(u64, String)> {
    let mut seen = Vec::new();
    loop {
        let page = f.queue.next_page(QueueName::Ai, &mut span, most).await.unwrap();
        seen.extend(page.jobs.iter().map(|job| (job.at_ms, job.name.clone())));
        if !page.more {
            return seen;
        }
    }
}

/// Letters at few times, so that many have the same.
async fn fill(f: &Fixture, rng: &mut StdRng, count: usize) -> BTreeSet<(u64, String)> {
    let letters: BTreeSet<_> = (0..count).map(|_| (rng.random_range(10..14), JobId::new().to_string())).collect();
    for (at, id) in &letters {
        f.raw::<u64>(&["ZADD", &f.keys.dead(QUEUE), &at.to_string(), id]).await;
    }
    letters
}

#[tokio::test]
async fn every_entry_is_seen_once_in_either_order() {
    let f = Fixture::start().await;
    let letters = fill(&f, &mut StdRng::seed_from_u64(1), 100).await;
    for most in [1, 7, 100, 500] {
        let span = JobSpan::all(JobIndex::Dead, JobOrder::Oldest);
        assert_eq!(seen(&f, span.clone(), most).await, letters.iter().cloned().collect::<Vec<_>>());
        let newest = JobSpan { order: JobOrder::Newest, ..span.clone() };
        assert_eq!(seen(&f, newest.clone(), most).await, letters.iter().rev().cloned().collect::<Vec<_>>());
        for span in [span, newest] {
            let part = JobSpan { since_ms: Some(11), until_ms: Some(12), ..span };
            let expected: BTreeSet<_> = letters.iter().filter(|(at, _)| (11..=12).contains(at)).cloned().collect();
            assert_eq!(seen(&f, part, most).await.into_iter().collect::<BTreeSet<_>>(), expected);
        }
    }
}

#[tokio::test]
async fn what_stays_is_seen_once_while_others_come_and_go() {
    for seed in 0..20 {
        let f = Fixture::start().await;
        let mut rng = StdRng::seed_from_u64(seed);
        let mut letters: Vec<_> = fill(&f, &mut rng, 60).await.into_iter().collect();
        let order = if seed % 2 == 0 { JobOrder::Oldest } else { JobOrder::Newest };
        let mut span = JobSpan::all(JobIndex::Dead, order);
        let mut seen: Vec<(u64, String)> = Vec::new();
        loop {
            let page = f.queue.next_page(QueueName::Ai, &mut span, 5).await.unwrap();
            seen.extend(page.jobs.iter().map(|job| (job.at_ms, job.name.clone())));
            if !page.more {
                break;
            }
            for gone in 0..3 {
                let at = rng.random_range(0..letters.len());
                // What was just seen goes, too.
                let gone = if gone == 0 { seen[seen.len() - 1].clone() } else { letters[at].clone() };
                letters.retain(|letter| *letter != gone);
                f.raw::<u64>(&["ZREM", &f.keys.dead(QUEUE), &gone.1]).await;
            }
            fill(&f, &mut rng, 1).await;
        }
        let distinct: BTreeSet<_> = seen.iter().cloned().collect();
        assert_eq!(distinct.len(), seen.len(), "seed {seed}: seen twice");
        let missed: Vec<_> = letters.iter().filter(|letter| !distinct.contains(letter)).collect();
        assert!(missed.is_empty(), "seed {seed}: {missed:?}");
    }
}
