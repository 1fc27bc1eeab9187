//! Stored jobs that nobody of ours wrote: whatever is wrong with one, it ends, and the others go on.

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use super::fixture::{Echo, Fixture, QUEUE};
use crate::{
    job::{JobError, JobId, JobState},
    limiter::Limits,
    queue::{NewJob, tests::limits},
};

/// What a job's hash may hold.
const FIELDS: [&str; 26] = [
    "fence",
    "state",
    "attempts",
    "max",
    "lane",
    "class",
    "rank",
    "created",
    "kind",
    "queue",
    "user",
    "deadline",
    "payload",
    "bytes",
    "tokens",
    "need",
    "content",
    "follows",
    "resumed",
    "settled",
    "group",
    "permit",
    "held",
    "held_tokens",
    "worker",
    "started",
];

/// Where a damaged job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Waiting,
    Scheduled,
    Held,
    Following,
}

const PLACES: [Place; 4] = [Place::Waiting, Place::Scheduled, Place::Held, Place::Following];

fn garbage(rng: &mut StdRng) -> Vec<u8> {
    let known: [&[u8]; 16] = [
        b"",
        b"0",
        b"-1",
        b"1e400",
        b"nan",
        b"inf",
        b"0x10",
        b"99999999999999999999",
        b"1.5",
        b" 7",
        b"active",
        b"waiting",
        b"completed",
        b"\xff\xfe\x00",
        b"{}",
        b"a:b:c d=e",
    ];
    match rng.random_range(0..20) {
        0 => vec![b'x'; 1_000_000],
        1..4 => (0..rng.random_range(1..40)).map(|_| rng.random()).collect(),
        _ => known.choose(rng).unwrap().to_vec(),
    }
}

struct Damage {
    f: Fixture,
    rng: StdRng,
}

impl Damage {
    /// A job in that place.
    async fn place(&mut self, place: Place) -> JobId {
        let f = &self.f;
        match place {
            Place::Waiting => f.enqueue("damaged").await,
            Place::Scheduled => {
                let id = f.enqueue("damaged").await;
                let job = f.take_one().await;
                f.end(&job, &JobError::retry_after(std::time::Duration::from_mins(9), "e", "m")).await;
                f.raw::<u64>(&["ZADD", &f.keys.scheduled(QUEUE), "XX", "1", &id.to_string()]).await;
                id
            }
            Place::Held => {
                f.enqueue("damaged").await;
                f.take_and_lapse().await.id
            }
            Place::Following => {
                let id = f.enqueue("damaged").await;
                let line =
                    f.keys.waiting(QUEUE, &<Echo as crate::job::Kind>::lane(), crate::job::Priority::Interactive);
                f.raw::<u64>(&["ZREM", &line, &id.to_string()]).await;
                f.raw::<u64>(&["HSET", &f.keys.job(id), "follows", "1", "content", "digest"]).await;
                f.raw::<u64>(&["HSET", "{test}:content:digest", "leader", "nobody"]).await;
                f.raw::<u64>(&["ZADD", "{test}:followers:nobody", "1", &id.to_string()]).await;
                f.raw::<u64>(&["ZADD", "{test}:releases:ai-jobs", "1", "nobody"]).await;
                id
            }
        }
    }

    /// Spoils the job in one way; says how.
    async fn spoil(&mut self, id: JobId) -> String {
        let key = self.f.keys.job(id);
        let mut command = redis::Cmd::new();
        let what = match self.rng.random_range(0..12) {
            0 => {
                command.arg(&["DEL", key.as_str()]);
                "deleted".to_owned()
            }
            1 => {
                self.f.raw::<u64>(&["DEL", &key]).await;
                let other = *["SET", "RPUSH", "SADD"].choose(&mut self.rng).unwrap();
                command.arg(&[other, key.as_str(), "other"]);
                other.to_owned()
            }
            2 => {
                let name = *["checkpoints", "attempts", "followers", "result"].choose(&mut self.rng).unwrap();
                let other = format!("{{test}}:{name}:{id}");
                self.f.raw::<u64>(&["DEL", &other]).await;
                let kind = if name == "result" { "RPUSH" } else { "SET" };
                command.arg(&[kind, other.as_str(), "other"]);
                format!("{kind} {name}")
            }
            3..5 => {
                let field = *FIELDS.choose(&mut self.rng).unwrap();
                command.arg(&["HDEL", key.as_str(), field]);
                format!("without {field}")
            }
            _ => {
                let (field, value) = (*FIELDS.choose(&mut self.rng).unwrap(), garbage(&mut self.rng));
                command.arg(&["HSET", key.as_str(), field]).arg(&value);
                format!("{field} = {:?}", String::from_utf8_lossy(&value[..value.len().min(30)]))
            }
        };
        command.query_async::<redis::Value>(&mut self.f.pool.connection()).await.unwrap();
        what
    }

    /// Works until nothing more comes; the jobs that came.
    async fn work(&self, what: &str) -> Vec<JobId> {
        let mut seen = Vec::new();
        for _ in 0..20 {
            let jobs = self.f.take(4).await;
            if jobs.is_empty() {
                return seen;
            }
            for job in jobs {
                self.f.complete(&job).await;
                seen.push(job.id);
            }
        }
        panic!("{what}: it comes again and again");
    }

    async fn unfinished(&self) -> Vec<String> {
        self.f.raw(&["ZRANGE", &self.f.keys.deadlines(QUEUE), "0", "-1"]).await
    }
}

#[tokio::test]
async fn a_damaged_job_ends_and_the_others_go_on() {
    for seed in 0..4 {
        // With calls that are limited, and without.
        let f = match seed % 2 {
            0 => Fixture::start().await,
            _ => {
                Fixture::limited(Limits { rpm: 1_000_000, tpm: 100_000_000, concurrency: 1_000, ..limits::FREE }).await
            }
        };
        let mut damage = Damage { f, rng: StdRng::seed_from_u64(seed) };
        for round in 0..150 {
            let place = *PLACES.choose(&mut damage.rng).unwrap();
            let id = damage.place(place).await;
            let how = damage.spoil(id).await;
            let what = format!("seed {seed}, round {round}: {place:?}, {how}");
            let healthy = damage.f.enqueue("healthy").await;
            let seen = damage.work(&what).await;
            assert!(seen.contains(&healthy), "{what}: the healthy job does not come");
            assert_eq!(damage.f.view(healthy).await.state, JobState::Completed, "{what}");
            // What nobody can take ends with its deadline.
            for left in damage.unfinished().await {
                damage.f.raw::<u64>(&["ZADD", &damage.f.keys.deadlines(QUEUE), "1", &left]).await;
            }
            damage.work(&what).await;
            assert_eq!(damage.unfinished().await, [""; 0], "{what}");
            for index in [damage.f.keys.leases(QUEUE), damage.f.keys.scheduled(QUEUE)] {
                assert_eq!(damage.f.raw::<u64>(&["ZCARD", &index]).await, 0, "{what}: {index}");
            }
        }
    }
}

#[tokio::test]
async fn entries_that_name_no_job_are_dropped() {
    let f = Fixture::start().await;
    let lane = <Echo as crate::job::Kind>::lane();
    let indexes = [
        f.keys.waiting(QUEUE, &lane, crate::job::Priority::Interactive),
        f.keys.scheduled(QUEUE),
        f.keys.leases(QUEUE),
        f.keys.deadlines(QUEUE),
        "{test}:releases:ai-jobs".to_owned(),
        "{test}:cached".to_owned(),
    ];
    for index in &indexes {
        for name in ["", "no-uuid", "a b c", "a b 12", "\u{0}", "%s %d"] {
            f.raw::<u64>(&["ZADD", index, "1", name]).await;
        }
    }
    let job = NewJob::new(Echo { say: "healthy".to_owned() }, "ada");
    let healthy = f.accept(&job).await;
    let mut seen = Vec::new();
    for _ in 0..40 {
        seen.extend(f.take(4).await.into_iter().map(|job| job.id));
    }
    assert_eq!(seen, [healthy]);
    for index in &indexes {
        let left: Vec<String> = f.raw(&["ZRANGE", index, "0", "-1"]).await;
        assert!(left.is_empty() || left == [healthy.to_string()], "{index}: {left:?}");
    }
}
