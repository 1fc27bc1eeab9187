//! Random damage to random jobs, before a worker comes and while it works.

use std::{collections::BTreeSet, time::Duration};

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use super::{damage::Verse, patient::Patient};
use crate::{
    job::{JobId, QueueName},
    queue::{
        NewJob,
        tests::fixture::{Echo, Fixture, QUEUE},
    },
};

const SEEDS: u64 = 6;
const PREPARED: usize = 80;
const LIVE: usize = 60;

#[tokio::test]
async fn damaged_jobs_stand_in_nobodys_way() {
    for seed in 0..SEEDS {
        let f = Fixture::with_everything().await;
        let mut rng = StdRng::seed_from_u64(seed);
        let ids = prepare(&f, &mut rng).await;
        let (mut damaged, mut healthy) = (Vec::new(), Vec::new());
        for (n, id) in ids.into_iter().enumerate() {
            let mut what = f.damage(id, &mut rng).await;
            if rng.random_bool(0.3) {
                what = format!("{what} and {}", f.damage(id, &mut rng).await);
            }
            damaged.push((id, format!("seed {seed}, number {n}: {what}")));
            if n % 4 == 0 {
                healthy.push(f.verse("healthy", "record", 10_000 + n).await);
            }
        }
        let worker = f.start_nurse();
        let mut patient = Patient { f, worker, damaged, healthy };
        work_among_them(&mut patient, &mut rng).await;
        patient.recovers().await;
    }
}

/// Jobs in every state, leaders and followers among them.
async fn prepare(f: &Fixture, rng: &mut StdRng) -> Vec<JobId> {
    let mut ids = BTreeSet::new();
    for n in 0..PREPARED {
        let say = *["record", "x", "fail"].choose(rng).unwrap();
        let verse = NewJob::new(Verse { say: say.to_owned(), number: n / 3 }, "ada");
        let plain = NewJob::new(Echo { say: say.to_owned() }, "ada");
        let id = match rng.random_range(0..5) {
            0 => f.verse("bob", say, n / 3).await,
            1 => f.accept(&NewJob { idempotency_key: Some(format!("k{n}")), ..verse }).await,
            2 => f.accept(&NewJob { delay: Duration::from_hours(1), ..plain }).await,
            3 => f.accept(&plain).await,
            _ => f.accept(&verse).await,
        };
        ids.insert(id);
        let due = f.keys.scheduled(QUEUE);
        f.raw::<u64>(&["ZADD", &due, "XX", "1", &id.to_string()]).await;
        if rng.random_bool(0.4) {
            // Whoever took it is silent from now on.
            for job in f.take(1).await {
                f.context(&job).checkpoint("part", "1", 10).await.unwrap();
                f.let_lapse(job.id).await;
            }
        }
    }
    // Some have lapsed too often. Nobody looks at these again.
    let listed: Vec<String> = f.raw(&["ZRANGE", &f.keys.deadlines(QUEUE), "0", "-1"]).await;
    let listed: BTreeSet<JobId> = listed.iter().map(|id| id.parse().unwrap()).collect();
    ids.intersection(&listed).copied().collect()
}

/// Damage meets jobs in line, in hand and those that have just ended (nobody looks at these again), while others are cancelled and asked for again.
async fn work_among_them(patient: &mut Patient, rng: &mut StdRng) {
    let Patient { f, worker, healthy, .. } = patient;
    for n in 0..LIVE {
        let say = *["record", "hold", "call and hold", "x"].choose(rng).unwrap();
        let id = f.verse("ada", say, 1_000 + n).await;
        f.verse("bob", say, 1_000 + n).await;
        for _ in 0..rng.random_range(0..100) {
            tokio::task::yield_now().await;
        }
        f.damage(id, rng).await;
        if rng.random_bool(0.2) {
            f.queue.cancel(QueueName::Ai, id).await.unwrap();
        }
        // Asked for again, whatever has become of it.
        f.verse("ada", say, 1_000 + n).await;
        healthy.push(f.verse("healthy", "record", 20_000 + n).await);
        worker.gate.add_permits(1);
    }
}
