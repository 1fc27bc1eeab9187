//! Requests that come together are answered, and leave behind, what they would one after another.
//!
//! Two queues are asked the same, under clocks that the test moves: one gets each request in a call of its own, the other one all of
//! a round in one call. The answers are to be the same, and every key.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use super::sonnet;
use crate::{
    budget::Limits,
    config::JobsConfig,
    job::{JobId, Priority, QueueName},
    queue::{
        NewJob, Queue,
        intake::Request,
        take::Taken,
        tests::{
            fixture::{Fixture, allowance, jobs_config},
            sharing::Sonnet,
        },
    },
    redis::take_time_from_hand_clock,
    request_limits::RequestLimit,
};

const SEEDS: u64 = 4;
const ROUNDS: usize = 80;
const START_MS: u64 = 1_764_500_000_000;
const USERS: [&str; 9] = ["ada", "ada", "ada", "bob", "bob", "eve", "eve", "eve", "suspended"];

/// What is stored, with the words of a hash and of a set in order, and in how many seconds it expires.
type Stored = BTreeMap<String, (Vec<String>, i64)>;

#[tokio::test]
async fn together_is_as_one_after_another() {
    take_time_from_hand_clock();
    let mut seen = BTreeMap::<String, usize>::new();
    for seed in 0..SEEDS {
        let (alone, together) = (fixture().await, fixture().await);
        let mut rng = StdRng::seed_from_u64(seed);
        let mut now_ms = START_MS;
        for round in 0..ROUNDS {
            now_ms += *[1, 900, 20_000, 61_000].choose(&mut rng).unwrap();
            for f in [&alone, &together] {
                let (s, us) = ((now_ms / 1_000).to_string(), (now_ms % 1_000 * 1_000).to_string());
                f.raw::<u64>(&["HSET", "{test}:clock", "s", &s, "us", &us]).await;
            }
            let requests: Vec<Request> =
                (0..rng.random_range(1..=12)).map(|_| request(&alone.queue, &mut rng)).collect();
            let mut answers = Vec::new();
            for one in requests.chunks(1) {
                answers.extend(alone.queue.enqueue_all(QueueName::Ai, one).await.unwrap());
            }
            let at = format!("seed {seed}, round {round}");
            assert_eq!(together.queue.enqueue_all(QueueName::Ai, &requests).await.unwrap(), answers, "{at}");
            for answer in &answers {
                *seen.entry(answer.split(' ').next().unwrap().to_owned()).or_default() += 1;
            }
            let (one, other) = (stored(&alone).await, stored(&together).await);
            assert_eq!(other.keys().collect::<Vec<_>>(), one.keys().collect::<Vec<_>>(), "{at}");
            for key in one.keys() {
                let ((one, one_left), (other, other_left)) = (&one[key], &other[key]);
                assert_eq!(other, one, "{key}, {at}");
                // They are two servers, which are not asked in the same moment.
                let about = other_left.abs_diff(*one_left) <= 10 && (*one_left < 0) == (*other_left < 0);
                assert!(about, "{key} for {one_left} s, and {other_left} s, {at}");
            }
            work(&alone, &together, &mut rng).await;
        }
    }
    for word in ["accepted", "joined", "cached", "known", "limited", "suspended", "mismatch", "full", "over"] {
        assert!(seen.get(word).is_some_and(|times| *times > 5), "too little seen of {word}: {seen:?}");
    }
}

async fn fixture() -> Fixture {
    let jobs = JobsConfig { queue_max_waiting: 9, queue_max_bytes: 3_000, ..jobs_config() };
    let mut f = Fixture::with_jobs(jobs).await;
    let held = allowance(Limits::default()).hold(100).tokens;
    let limits = Limits { user_tokens_per_day: 3 * held, fleet_tokens_per_month: 7 * held, ..Limits::default() };
    f.queue = f.queue.clone().with_budget(allowance(limits));
    f.raw::<u64>(&["HSET", "{test}:suspended", "suspended", "1 why"]).await;
    f
}

fn request(queue: &Queue, rng: &mut StdRng) -> Request {
    let user = *USERS.choose(rng).unwrap();
    let text = format!(
        "verse {} {}",
        rng.random_range(0..12),
        if rng.random_bool(0.3) { "long ".repeat(100) } else { String::new() }
    );
    let job: NewJob<Sonnet> = NewJob {
        delay: if rng.random_bool(0.1) { Duration::from_secs(30) } else { Duration::ZERO },
        priority: *Priority::ALL.choose(rng).unwrap(),
        fresh: rng.random_bool(0.1),
        recording: rng.random_bool(0.1).then(|| Bytes::from_static(&[7; 400])),
        listed: rng.random_bool(0.8),
        idempotency_key: rng.random_bool(0.1).then(|| format!("key {}", rng.random_range(0..9))),
        ..sonnet(user, &text)
    };
    let limit = |name, subject: &str, most| RequestLimit {
        name,
        subject: subject.to_owned(),
        most,
        window: Duration::from_mins(1),
    };
    let address = *["::1", "::2"].choose(rng).unwrap();
    let limits = [limit("user-ai", user, 5), limit("address-ai", address, 9)];
    queue.request(JobId::new(), &job, &limits[..rng.random_range(0..=2)]).unwrap()
}

/// Both do the same work.
async fn work(alone: &Fixture, together: &Fixture, rng: &mut StdRng) {
    let (want, ends) = (rng.random_range(0..6), rng.random_bool(0.7));
    let asked = JobId::new().to_string();
    let taken = alone.take_as(&asked, want, &alone.settings).await;
    assert_eq!(together.take_as(&asked, want, &together.settings).await, taken, "they stand in the same order");
    let Taken::Jobs(jobs, _) = taken else { return };
    for job in &jobs {
        for f in [alone, together] {
            if ends {
                f.complete(job).await;
            } else {
                f.queue.cancel(QueueName::Ai, job.id).await.unwrap();
            }
        }
    }
}

/// Every key with its type, its seconds to live, and its words. An estimate is stored with what was last counted of it, or without.
const ALL_KEYS: &str = r"
local all = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  local kind, words = redis.call('TYPE', key).ok, nil
  if kind == 'hash' then words = redis.call('HGETALL', key)
  elseif kind == 'zset' then words = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  elseif kind == 'list' then words = redis.call('LRANGE', key, 0, -1)
  elseif string.find(key, ':unique:', 1, true) then words = { tostring(redis.call('PFCOUNT', key)) }
  else words = { redis.call('GET', key) } end
  all[#all + 1] = { key, kind, tostring(redis.call('TTL', key)), unpack(words) }
end
return all";

async fn stored(f: &Fixture) -> Stored {
    let mut stored = Stored::new();
    for key in f.raw::<Vec<Vec<String>>>(&["EVAL", ALL_KEYS, "0"]).await {
        let [key, kind, left, words @ ..] = &key[..] else { panic!("{key:?}") };
        let mut words = words.to_vec();
        if kind == "hash" {
            words = words.chunks(2).map(|pair| pair.join(" ")).collect();
            words.sort();
        }
        stored.insert(key.clone(), (words, left.parse().unwrap()));
    }
    stored
}
