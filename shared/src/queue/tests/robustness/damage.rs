//! What may stand in Redis where something else should.

use rand::{Rng, rngs::StdRng, seq::IndexedRandom};
use serde::{Deserialize, Serialize};

use crate::{
    budget::{Allowance, Limits as BudgetLimits},
    job::{JobId, Kind, Priority, QueueName},
    limiter::Limits,
    queue::{
        NewJob,
        tests::{
            fixture::{Echo, Fixture, QUEUE},
            limits::FREE,
        },
    },
};

/// A job that has everything that a job may have: work that others may want, tokens, a budget.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Verse {
    pub(super) say: String,
    pub(super) number: usize,
}

impl Kind for Verse {
    const NAME: &'static str = "echo";
    const VERSION: u32 = 1;
    const QUEUE: QueueName = QueueName::Ai;
    const RECIPE: Option<u32> = Some(1);

    fn tokens(&self) -> u32 {
        100
    }
}

pub(super) const LIMITS: Limits = Limits { rpm: 100_000, tpm: 1_000_000_000, concurrency: 100_000, ..FREE };

/// Every field that a job has at some time.
pub(super) const FIELDS: [&str; 36] = [
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
    "listed",
    "asked",
    "payload",
    "bytes",
    "tokens",
    "need",
    "content",
    "follows",
    "run_at",
    "reason",
    "worker",
    "started",
    "group",
    "permit",
    "held",
    "held_tokens",
    "spent_tokens",
    "spent_micros",
    "fresh",
    "requeued",
    "held_micros",
    "progress",
    "settled",
    "resumed",
    "result_of",
];

/// What may stand in a field; `None`: it is gone.
pub(super) fn values() -> Vec<Option<Vec<u8>>> {
    let texts = ["", "many", "1e400", "-1", "NaN", "inf", "99999999999999999999", "0x10", " 7", "1.5", "{}"];
    let mut values: Vec<_> = texts.iter().map(|text| Some(text.as_bytes().to_vec())).collect();
    values.extend([None, Some(vec![0xff, 0, 0xc3, b'\n', b' ', 0x80]), Some(vec![b'9'; 1_000_000])]);
    values
}

impl Fixture {
    /// A fixture in which jobs have all that they may have.
    pub(super) async fn with_everything() -> Self {
        let mut f = Self::limited(LIMITS).await;
        f.queue = f.queue.clone().with_budget(Allowance {
            limits: BudgetLimits { user_tokens_per_day: 1_000_000_000, ..BudgetLimits::default() },
            prices: "model=1/10".parse().unwrap(),
            model: "model".to_owned(),
            chunk_tokens: 1_000,
            max_output_tokens: 400,
        });
        f
    }

    pub(super) async fn verse(&self, user: &str, say: &str, number: usize) -> JobId {
        self.accept(&NewJob::new(Verse { say: say.to_owned(), number }, user)).await
    }

    /// The holder of the job has been silent for a lease.
    pub(super) async fn let_lapse(&self, id: JobId) {
        for index in [self.keys.leases(QUEUE), self.keys.in_flight(&Self::group())] {
            self.raw::<u64>(&["ZADD", &index, "XX", "1", &id.to_string()]).await;
        }
    }

    /// Sends a command that Redis may well refuse.
    pub(super) async fn try_to(&self, words: &[&[u8]]) {
        let mut command = redis::Cmd::new();
        for word in words {
            command.arg(*word);
        }
        drop(command.query_async::<redis::Value>(&mut self.pool.connection()).await);
    }

    pub(super) async fn damage_field(&self, id: JobId, field: &str, value: Option<&[u8]>) {
        let key = self.keys.job(id);
        match value {
            Some(value) => self.try_to(&[b"HSET", key.as_bytes(), field.as_bytes(), value]).await,
            None => self.try_to(&[b"HDEL", key.as_bytes(), field.as_bytes()]).await,
        }
    }

    /// Does one of many kinds of harm to the job, or around it; returns which.
    pub(super) async fn damage(&self, id: JobId, rng: &mut StdRng) -> String {
        let value = values().choose(rng).unwrap().clone();
        let garbage = value.clone().unwrap_or_default();
        match rng.random_range(0..10) {
            0..4 => {
                let field = *FIELDS.choose(rng).unwrap();
                self.damage_field(id, field, value.as_deref()).await;
                format!("field {field}")
            }
            4 => {
                let key = self.keys.job(id);
                self.replace(&key, &garbage, rng).await;
                "the whole job".to_owned()
            }
            5 | 6 => {
                let name = *["checkpoints", "attempts", "followers", "result"].choose(rng).unwrap();
                self.replace(&format!("{}:{name}:{id}", self.keys.root()), &garbage, rng).await;
                format!("its {name}")
            }
            7 => {
                let pattern = *["*:leader:*", "*:answer:*", "*:repeat:*", "*:idempotency:*"].choose(rng).unwrap();
                let keys = self.keys_like(pattern).await;
                if let Some(key) = keys.choose(rng) {
                    self.replace(key, &garbage, rng).await;
                }
                format!("one of {pattern}")
            }
            8 => {
                self.stray(id, rng).await;
                "stray entries".to_owned()
            }
            _ => {
                let payload = br#"{"say":"record","number":10}"#;
                let cut = &payload[..rng.random_range(0..=payload.len())];
                let huge = format!(r#"{{"say":"{}"}}"#, "x".repeat(2_000_000));
                let payload = *[cut, br#"{"say":[]}"#, b"[1]", b"null", huge.as_bytes()].choose(rng).unwrap();
                self.damage_field(id, "payload", Some(payload)).await;
                "payload".to_owned()
            }
        }
    }

    /// Puts something else in a key's place.
    async fn replace(&self, key: &str, garbage: &[u8], rng: &mut StdRng) {
        let key = key.as_bytes();
        self.try_to(&[b"DEL", key]).await;
        match rng.random_range(0..6) {
            0 => self.try_to(&[b"SET", key, garbage]).await,
            1 => self.try_to(&[b"RPUSH", key, garbage]).await,
            2 => self.try_to(&[b"SADD", key, garbage]).await,
            3 => self.try_to(&[b"HSET", key, b"leader", garbage, b"result_of", garbage, b"until", b"9e99"]).await,
            4 => self.try_to(&[b"ZADD", key, b"1", garbage]).await,
            _ => {}
        }
    }

    /// Entries of jobs that are none, and of this one where it has no business.
    async fn stray(&self, id: JobId, rng: &mut StdRng) {
        let ids =
            [b"no-uuid".to_vec(), Vec::new(), vec![0xff; 40], JobId::new().to_string().into(), id.to_string().into()];
        let class = *Priority::ALL.choose(rng).unwrap();
        let releases = format!("{}:releases:{QUEUE}", self.keys.root());
        let by_time = [self.keys.scheduled(QUEUE), self.keys.leases(QUEUE), self.keys.deadlines(QUEUE), releases];
        let by_rank = [self.keys.waiting(QUEUE, &Echo::lane(), class), self.keys.followers(id)];
        for _ in 0..3 {
            // A time that never comes is no trouble to anyone.
            let scores: [&[u8]; 7] = [b"1", b"-1", b"-inf", b"0.5", b"1e300", b"inf", b"1e17"];
            let (indexes, scores) =
                if rng.random_bool(0.5) { (&by_time[..], &scores[..4]) } else { (&by_rank[..], &scores[..]) };
            let (index, score) = (indexes.choose(rng).unwrap().as_bytes(), *scores.choose(rng).unwrap());
            self.try_to(&[b"ZADD", index, score, ids.choose(rng).unwrap()]).await;
        }
    }
}
