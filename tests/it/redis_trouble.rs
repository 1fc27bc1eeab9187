//! Redis goes through all that it can go through, under load: nobody is restarted, and nothing that was accepted is lost.

use std::time::Duration;

use serde_json::Value;
use shared::testing::{Proxy, TestRedis};
use tokio::time::Instant;

use crate::harness::{Load, Process, Submitted, System, chapter, lesson};

/// What a process may use of one core while it has nothing to do but to wait for Redis.
const CPU_SHARE: f64 = 0.3;
/// Lines that a process may log in an outage, beside those of requests.
const LINES: usize = 40;

/// A system behind a network that fails: an api and two workers.
struct Fleet {
    system: System,
    network: Proxy,
    /// The api first.
    processes: Vec<Process>,
}

/// What the processes had used and logged at a moment.
struct Used {
    at: Instant,
    of_each: Vec<(Duration, usize)>,
}

impl Fleet {
    async fn on(redis: TestRedis) -> Self {
        let network = Proxy::start(redis.port()).await.unwrap();
        let mut system = System::on(redis).await;
        system.set_text("REDIS_URL", network.redis_url());
        let processes = vec![system.api().await, system.worker("a").await, system.worker("b").await];
        Self { system, network, processes }
    }

    fn api(&self) -> &Process {
        &self.processes[0]
    }

    fn load(&self) -> Load {
        Load::start(&self.system.http, self.api())
    }

    /// Until the workers have made so many more calls.
    async fn until_calls(&self, more: u64) {
        let before = u64::try_from(self.system.simulator.arrivals().len()).unwrap();
        self.system.simulator.wait_for_calls(before + more).await;
    }

    fn used(&self) -> Used {
        let of_each = self.processes.iter().map(|process| (process.cpu(), process.log().lines().count()));
        Used { at: Instant::now(), of_each: of_each.collect() }
    }

    /// Nobody spun and nobody filled the log since then. Every request may be worth two lines.
    fn assert_calm_since(&self, before: &Used, requests: usize) {
        let (elapsed, now) = (before.at.elapsed(), self.used());
        for (process, ((cpu, lines), (cpu_now, lines_now))) in before.of_each.iter().zip(now.of_each).enumerate() {
            let (share, lines) =
                (cpu_now.saturating_sub(*cpu).as_secs_f64() / elapsed.as_secs_f64(), lines_now - lines);
            let log = || self.processes[process].log();
            assert!(share <= CPU_SHARE, "process {process} spins: {share} of a core\n{}", log());
            assert!(lines <= LINES + 2 * requests, "process {process} logged {lines} lines\n{}", log());
        }
    }

    /// All that was accepted is completed, by the processes that were there from the start.
    async fn assert_nothing_is_lost(&mut self, submitted: Submitted) {
        assert!(!submitted.accepted.is_empty());
        for id in &submitted.accepted {
            let job = self.system.end_of(&self.processes[0], id).await;
            assert_eq!(job["state"], "completed", "{job}");
        }
        for process in &mut self.processes {
            assert!(process.is_running(), "it has ended: {}", process.log());
        }
    }

    async fn until_all_are_ready(&self) {
        for process in &self.processes {
            process.until_ready(&self.system.http).await;
        }
    }

    async fn until_none_is_ready(&self) {
        for process in &self.processes {
            process.until_not_ready(&self.system.http).await;
            let health = self.system.http.get(process.url("/api/health")).send().await.unwrap();
            assert_eq!(health.status(), 200);
            assert_eq!(health.json::<Value>().await.unwrap()["status"], "degraded");
        }
    }
}

async fn command<T: redis::FromRedisValue>(redis: &TestRedis, words: &[&str]) -> T {
    let mut command = redis::Cmd::new();
    command.arg(words).query_async(&mut redis.patient_pool().connection()).await.unwrap()
}

#[tokio::test]
async fn a_failover_to_a_replica_is_followed_in_place() {
    let replica = TestRedis::start().await.unwrap();
    let mut fleet = Fleet::on(TestRedis::start().await.unwrap()).await;
    let master_port = fleet.system.redis.port().to_string();
    let _: () = command(&replica, &["REPLICAOF", "127.0.0.1", &master_port]).await;
    // In hand while the master goes: the settles of these have to find the new one.
    fleet.system.simulator.hold();
    let mut accepted = Vec::new();
    for number in 0..6 {
        accepted.push(fleet.system.submit(&fleet.processes[0], &chapter(number, 2)).await);
    }
    fleet.system.simulator.wait_for_calls(6).await;
    // What a master has not passed on when it goes is lost with it. Here nothing is: this is about connections.
    // (WAIT counts from the last write of its own connection, so there has to be one.)
    let mut connection = fleet.system.redis.patient_pool().connection();
    let mut mark = redis::pipe();
    mark.cmd("SET").arg("mark").arg(1).ignore().cmd("WAIT").arg(1).arg(20_000);
    let (replicas,): (u64,) = mark.query_async(&mut connection).await.unwrap();
    assert_eq!(replicas, 1, "the replica does not follow");

    // Every connection stays up, and leads to a server that takes no writes any more.
    let _: () = fleet.system.raw(&["REPLICAOF", "127.0.0.1", "1"]).await;
    fleet.until_none_is_ready().await;
    let asked = Instant::now();
    let post = fleet.system.http.post(fleet.api().url("/api/v1/flashcards")).json(&lesson("x"));
    let refused = post.send().await.unwrap();
    assert_eq!((refused.status().as_u16(), refused.headers().contains_key("retry-after")), (503, true));
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    fleet.system.simulator.release();
    fleet.network.switch_to(replica.port());
    let _: () = command(&replica, &["REPLICAOF", "NO", "ONE"]).await;
    let _: () = fleet.system.raw(&["REPLICAOF", "127.0.0.1", &replica.port().to_string()]).await;

    fleet.until_all_are_ready().await;
    accepted.push(fleet.system.submit(&fleet.processes[0], &chapter(7, 2)).await);
    fleet.assert_nothing_is_lost(Submitted { accepted, refused: 1 }).await;
}

#[tokio::test]
async fn a_pause_of_redis_loses_nothing() {
    let mut fleet = Fleet::on(TestRedis::start().await.unwrap()).await;
    let load = fleet.load();
    fleet.until_calls(5).await;
    // A pause holds up new connections as well, so this one asks twice: the second answer comes when the pause is over.
    let mut connection = fleet.system.redis.patient_pool().connection();
    let mut pause = redis::Cmd::new();
    pause.arg(&["CLIENT", "PAUSE", "2000", "ALL"]).exec_async(&mut connection).await.unwrap();
    redis::Cmd::new().arg("PING").exec_async(&mut connection).await.unwrap();
    fleet.until_all_are_ready().await;
    fleet.until_calls(5).await;
    let submitted = load.stop().await;
    fleet.assert_nothing_is_lost(submitted).await;
}

#[tokio::test]
async fn a_redis_that_takes_half_a_second_loses_nothing_and_nobody_spins() {
    let mut fleet = Fleet::on(TestRedis::start().await.unwrap()).await;
    let load = fleet.load();
    fleet.until_calls(5).await;
    fleet.network.delay(Duration::from_millis(250));
    // Health checks give an answer less time than that.
    fleet.until_none_is_ready().await;
    let before = fleet.used();
    // Not to wait for something: this is how long Redis is slow.
    tokio::time::sleep(Duration::from_secs(5)).await;
    fleet.assert_calm_since(&before, 10);
    fleet.network.delay(Duration::ZERO);
    fleet.until_all_are_ready().await;
    fleet.until_calls(5).await;
    let submitted = load.stop().await;
    fleet.assert_nothing_is_lost(submitted).await;
}

#[tokio::test]
async fn a_partition_of_ten_seconds_loses_nothing_and_nobody_spins() {
    let mut fleet = Fleet::on(TestRedis::start().await.unwrap()).await;
    let load = fleet.load();
    fleet.until_calls(5).await;
    fleet.network.stall();
    fleet.until_none_is_ready().await;
    let before = fleet.used();
    // Not to wait for something: this is how long the partition lasts.
    tokio::time::sleep(Duration::from_secs(10)).await;
    // One load sends one request at a time, each of which takes more than a second to be refused.
    fleet.assert_calm_since(&before, 10);
    fleet.network.restore();
    fleet.until_all_are_ready().await;
    fleet.until_calls(5).await;
    let submitted = load.stop().await;
    assert!(submitted.refused > 0, "nobody noticed the partition");
    fleet.assert_nothing_is_lost(submitted).await;
}

#[tokio::test]
async fn a_redis_that_is_killed_under_load_loses_nothing_that_it_has_written() {
    let mut fleet = Fleet::on(TestRedis::with_append_only("always").await.unwrap()).await;
    let load = fleet.load();
    fleet.until_calls(5).await;
    fleet.system.redis.kill().await.unwrap();
    fleet.until_none_is_ready().await;
    // The load pauses between its requests, and may miss a short outage: this one does not.
    let request = fleet.system.http.post(fleet.api().url("/api/v1/flashcards")).json(&lesson(&chapter(9_999, 2)));
    assert_eq!(request.send().await.unwrap().status(), 503);
    fleet.system.redis.start_again().await.unwrap();
    fleet.until_all_are_ready().await;
    fleet.until_calls(5).await;
    let submitted = load.stop().await;
    fleet.assert_nothing_is_lost(submitted).await;
}
