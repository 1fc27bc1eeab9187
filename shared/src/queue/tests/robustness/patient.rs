//! A worker among damaged jobs: what must hold in the end.

use super::damage::LIMITS;
use crate::{
    config::WorkerConfig,
    job::{JobId, JobState, Kind, Priority},
    queue::{
        take::{TakeSettings, Taken},
        tests::{
            fixture::{Echo, Fixture, QUEUE},
            limits::upstream,
            running::{PATIENCE, Running, worker_config},
        },
    },
};

/// Damaged jobs, healthy ones between them, and a worker.
pub(super) struct Patient {
    pub(super) f: Fixture,
    pub(super) worker: Running,
    /// Each with what was done to it.
    pub(super) damaged: Vec<(JobId, String)>,
    pub(super) healthy: Vec<JobId>,
}

impl Fixture {
    /// A worker that takes often and whose leases are short.
    pub(super) fn start_nurse(&self) -> Running {
        let config = WorkerConfig { lease_seconds: 1, fallback_poll_ms: 50, ..worker_config() };
        Running::with_upstream(self, &config, Some(upstream(LIMITS)))
    }

    /// Calls of scripts that raised an error. One that Redis did not know yet is sent again, and none.
    async fn raised(&self) -> u64 {
        let info: String = self.raw(&["INFO", "everything"]).await;
        let number = |start: &str, name: &str| -> u64 {
            let line = info.lines().find(|line| line.starts_with(start)).unwrap_or_default();
            let field = line.split([':', ',']).find_map(|field| field.strip_prefix(name));
            field.map_or(0, |number| number.parse().unwrap())
        };
        number("cmdstat_evalsha:", "failed_calls=") - number("errorstat_NOSCRIPT:", "count=")
    }

    /// What time brings about is seen to, by someone who takes no job of ours.
    async fn look_on(&self) {
        let stranger =
            TakeSettings { lanes: vec!["other@1".to_owned()], worker: "stranger".to_owned(), ..self.settings.clone() };
        let taken = self.take_as(&JobId::new().to_string(), 64, &stranger).await;
        assert!(matches!(taken, Taken::Wait(_)), "{taken:?}");
    }

    /// Slots whose lease has not lapsed.
    async fn slots_now(&self) -> u64 {
        let (s, us): (u64, u64) = self.raw(&["TIME"]).await;
        let now = (s * 1_000 + us / 1_000).to_string();
        self.raw(&["ZCOUNT", &self.keys.in_flight(&Self::group()), &now, "+inf"]).await
    }

    async fn members(&self, index: &str) -> Vec<Vec<u8>> {
        self.raw(&["ZRANGE", index, "0", "-1"]).await
    }
}

impl Patient {
    /// Every healthy job is completed, every damaged one has ended, nothing raised, and nothing is left.
    pub(super) async fn recovers(self) {
        let Self { f, worker, damaged, healthy } = self;
        worker.gate.add_permits(10_000);
        for id in &healthy {
            let view = worker.end_of(*id).await;
            assert_eq!(view.state, JobState::Completed, "a healthy job: {view:?}");
        }
        let calm = async {
            while worker.stats.running() > 0 || f.count(&f.keys.leases(QUEUE)).await > 0 || f.slots_now().await > 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, calm).await.expect("nothing goes round and round");

        // What waits for nobody, in a lane of no worker, has its deadline.
        let listed = f.members(&f.keys.deadlines(QUEUE)).await;
        for id in &listed {
            f.try_to(&[b"ZADD", f.keys.deadlines(QUEUE).as_bytes(), b"1", id]).await;
        }
        for id in f.members(&f.keys.scheduled(QUEUE)).await {
            f.try_to(&[b"ZADD", f.keys.scheduled(QUEUE).as_bytes(), b"1", &id]).await;
        }
        let takes = 3 + (listed.len() + damaged.len()) / 64;
        for _ in 0..takes {
            f.look_on().await;
        }
        let after = f.verse("healthy", "after all that", 0).await;
        assert_eq!(worker.end_of(after).await.state, JobState::Completed);
        assert_eq!(f.raised().await, 0, "scripts raised: {}", f.raw::<String>(&["INFO", "errorstats"]).await);
        assert!(!worker.ended.is_finished());
        worker.stop().await;

        let (keys, lane) = (&f.keys, Echo::lane());
        let lines = Priority::ALL.map(|class| keys.waiting(QUEUE, &lane, class));
        let indexes =
            [keys.deadlines(QUEUE), keys.leases(QUEUE), keys.scheduled(QUEUE), keys.in_flight(&Fixture::group())];
        for index in lines.iter().chain(&indexes) {
            assert_eq!(f.members(index).await, [[0_u8; 0]; 0], "{index}");
        }
        assert_eq!(f.count(&format!("{}:releases:{QUEUE}", keys.root())).await, 0);
        for (id, what) in damaged {
            f.has_ended(id, &what).await;
        }
    }
}

impl Fixture {
    async fn has_ended(&self, id: JobId, what: &str) {
        let key = self.keys.job(id);
        let kind: String = self.raw(&["TYPE", &key]).await;
        if kind == "none" {
            return;
        }
        assert_eq!(kind, "hash", "{id}: {what}");
        let [state, code]: [Option<Vec<u8>>; 2] = self.raw(&["HMGET", &key, "state", "code"]).await;
        let state = String::from_utf8(state.unwrap_or_default()).unwrap_or_default();
        let state: JobState = state.parse().unwrap_or_else(|_| panic!("{id} is not in a state: {what}"));
        assert!(state.is_final(), "{id} is {state:?}: {what}");
        assert!(state != JobState::Failed || code.is_some_and(|code| !code.is_empty()), "{id}: {what}");
        assert!(self.raw::<i64>(&["PTTL", &key]).await > 0, "{id} stays for ever: {what}");
    }
}
