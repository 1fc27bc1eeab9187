//! Who goes first.

use std::collections::BTreeMap;

use rand::{SeedableRng, rngs::StdRng, seq::SliceRandom};

use super::{FREE, Fixture};
use crate::{
    job::{JobId, Priority, QueueName},
    limiter::Limits,
    queue::{pause_queue, resume_queue},
};

impl Fixture {
    async fn enqueue_class(&self, user: &str, priority: Priority, count: usize) -> Vec<JobId> {
        let mut ids = Vec::new();
        for _ in 0..count {
            ids.push(self.enqueue_for(user, priority).await);
        }
        ids
    }

    /// Takes one job after the other and completes it; their ids.
    async fn serve(&self, count: usize) -> Vec<JobId> {
        let mut ids = Vec::new();
        for _ in 0..count {
            let job = self.ask("a", 1).await.0.pop().expect("a job waits");
            self.complete(&job).await;
            ids.push(job.id);
        }
        ids
    }
}

#[tokio::test]
async fn an_interactive_job_behind_ten_thousand_bulk_jobs_is_next() {
    let f = Fixture::start().await;
    // Users with one job each and a user with very many: neither kind of crowd is in the way.
    let mut fill = redis::pipe();
    let line = f.keys.waiting("ai-jobs", &<super::Echo as crate::job::Kind>::lane(), Priority::Bulk);
    f.enqueue_class("crowd", Priority::Bulk, 200).await;
    for n in 0..10_000 {
        fill.zadd(&line, format!("ghost-{n}"), 1_000_000_000_000_i64 + n).ignore();
    }
    f.pool.query::<()>(&fill).await.unwrap();
    f.serve(50).await;
    let urgent = f.enqueue_for("ada", Priority::Interactive).await;
    let next = f.serve(2).await;
    assert!(next.contains(&urgent), "the next, or the one after it");
    let second = f.enqueue_for("ada", Priority::Interactive).await;
    assert!(f.serve(2).await.contains(&second));
}

#[tokio::test]
async fn lower_classes_keep_their_shares_and_no_more() {
    let f = Fixture::start().await;
    let mut class_of = BTreeMap::new();
    for class in Priority::ALL {
        for id in f.enqueue_class("ada", class, 200).await {
            class_of.insert(id, class);
        }
    }
    let served = f.serve(200).await;
    let share = |class| served.iter().filter(|id| class_of[id] == class).count();
    let shares = Priority::ALL.map(share);
    assert_eq!(shares.iter().sum::<usize>(), 200);
    for (seen, wanted) in shares.into_iter().zip([150_usize, 40, 10]) {
        assert!(seen.abs_diff(wanted) <= 1, "{shares:?}");
    }
    // In takes of many at once as well.
    let (many, _) = f.ask("a", 60).await;
    let bulk = many.iter().filter(|job| class_of[&job.id] == Priority::Bulk).count();
    assert!((2..=4).contains(&bulk), "{bulk} of 60");
}

#[tokio::test]
async fn a_class_that_was_empty_has_saved_nothing_up() {
    let f = Fixture::start().await;
    f.enqueue_class("ada", Priority::Interactive, 100).await;
    f.serve(50).await;
    let bulk = f.enqueue_class("bob", Priority::Bulk, 50).await;
    let served = f.serve(40).await;
    let share = served.iter().filter(|id| bulk.contains(id)).count();
    assert!((2..=4).contains(&share), "{share} of 40");
}

#[tokio::test]
async fn a_user_with_a_thousand_jobs_delays_the_first_of_another_by_one() {
    let f = Fixture::start().await;
    f.enqueue_class("greedy", Priority::Interactive, 1_000).await;
    f.serve(10).await;
    let first = f.enqueue_for("bob", Priority::Interactive).await;
    let second = f.enqueue_for("bob", Priority::Interactive).await;
    let served = f.serve(4).await;
    assert!(served[..2].contains(&first), "behind one job at most");
    assert!(served[..4].contains(&second), "and then in turn");
}

/// The users of the next `count` jobs, in the order of their permits.
async fn served_users(f: &Fixture, of: &BTreeMap<JobId, usize>, count: usize) -> Vec<usize> {
    f.serve(count).await.iter().map(|id| of[id]).collect()
}

/// Between any two moments at which the same users wait, their permits differ by at most one.
fn assert_alike(permits: &[usize], users: usize, what: &str) {
    for from in 0..permits.len() {
        let mut counts = vec![0_usize; users];
        for user in &permits[from..] {
            counts[*user] += 1;
            let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
            assert!(most - least <= 1, "{what}: {counts:?} from permit {from}: {permits:?}");
        }
    }
}

#[tokio::test]
async fn users_who_wait_together_never_differ_by_more_than_one_permit() {
    for seed in 0..3 {
        let f = Fixture::limited(Limits { rpm: 1_000, ..FREE }).await;
        let mut of: BTreeMap<JobId, usize> = BTreeMap::new();
        let mut arrivals: Vec<usize> = std::iter::repeat_n(0, 1_000).chain((1..10).flat_map(|u| [u; 30])).collect();
        arrivals.shuffle(&mut StdRng::seed_from_u64(seed));
        for user in arrivals {
            of.insert(f.enqueue_for(&format!("user-{user}"), Priority::Interactive).await, user);
        }
        // Everybody has 30 jobs at least, so all wait for the first 29 rounds.
        let permits = served_users(&f, &of, 290).await;
        assert_alike(&permits, 10, "all from the start");
    }
}

#[tokio::test]
async fn users_who_come_in_between_keep_their_place_in_each_round() {
    let f = Fixture::limited(Limits { rpm: 1_000, ..FREE }).await;
    let mut of: BTreeMap<JobId, usize> = BTreeMap::new();
    for user in 0..10 {
        for _ in 0..40 {
            of.insert(f.enqueue_for(&format!("user-{user}"), Priority::Interactive).await, user);
        }
        served_users(&f, &of, 3).await;
    }
    let permits = served_users(&f, &of, 200).await;
    assert_alike(&permits, 10, "one after the other");
}

#[tokio::test]
async fn a_newcomer_among_a_hundred_users_with_backlogs_is_next() {
    let f = Fixture::start().await;
    for _ in 0..4 {
        for user in 0..100 {
            f.enqueue_for(&format!("user-{user}"), Priority::Interactive).await;
        }
    }
    for before in [100, 1, 37, 55] {
        f.serve(before).await;
        let first = f.enqueue_for(&format!("new-{before}"), Priority::Interactive).await;
        assert!(f.serve(2).await.contains(&first), "after {before} more");
    }
}

#[tokio::test]
async fn a_stream_of_new_names_takes_every_second_permit() {
    let f = Fixture::start().await;
    let mut old = Vec::new();
    for user in ["ada", "bob"] {
        old.extend(f.enqueue_class(user, Priority::Interactive, 60).await);
    }
    f.serve(10).await;
    for name in 0..200 {
        f.enqueue_for(&format!("name-{name}"), Priority::Interactive).await;
    }
    let served = f.serve(80).await;
    let theirs = served.iter().filter(|id| old.contains(id)).count();
    assert!((39..=41).contains(&theirs), "{theirs} of 80 went to those who were there before");
    // As they come, not only in a heap.
    let mut seen = 0;
    for name in 200..240 {
        f.enqueue_for(&format!("name-{name}"), Priority::Interactive).await;
        seen += f.serve(1).await.iter().filter(|id| old.contains(id)).count();
    }
    assert!(seen >= 18, "{seen} of 40");
}

#[tokio::test]
async fn what_a_user_had_served_in_the_past_costs_nothing_now() {
    let f = Fixture::start().await;
    f.enqueue_class("ada", Priority::Interactive, 50).await;
    f.serve(50).await;
    let shares = f.keys.shares("ai-jobs", Priority::Interactive);
    assert!(f.raw::<u64>(&["ZCARD", &shares]).await <= 2, "shares of the past are forgotten, but for the present");
    let (ada, bob) = (
        f.enqueue_class("ada", Priority::Interactive, 2).await,
        f.enqueue_class("bob", Priority::Interactive, 2).await,
    );
    let served = f.serve(4).await;
    assert_eq!(served[..2].iter().filter(|id| ada.contains(id)).count(), 1);
    assert!(bob.iter().all(|id| served.contains(id)));
}

#[tokio::test]
async fn a_paused_queue_gives_nothing_out() {
    let f = Fixture::start().await;
    f.enqueue_class("ada", Priority::Interactive, 1).await;
    pause_queue(&f.pool, &f.keys, QueueName::Ai).await.unwrap();
    assert!(f.ask("a", 1).await.0.is_empty());
    resume_queue(&f.pool, &f.keys, QueueName::Ai).await.unwrap();
    assert_eq!(f.ask("a", 1).await.0.len(), 1);
}
