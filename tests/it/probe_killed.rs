//! The worker whose call is the probe of a half-open breaker dies.

use std::time::Duration;

use shared::{
    breaker::{BreakerState, breaker_status},
    testing::simulator::Fault,
};
use tokio::time::sleep;

use crate::harness::{PATIENCE, System};

/// As the harness sets it.
const LEASE: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(5);

#[tokio::test]
async fn the_next_probe_goes_within_a_lease_and_two_seconds() {
    let mut system = System::new().await;
    system.set("OPENAI_BREAKER_OPEN_MS", 300);
    system.set("OPENAI_BREAKER_OPEN_MAX_MS", 300);
    let mut workers = vec![("a", system.worker("a").await), ("b", system.worker("b").await)];
    system.simulator.fail_next(Fault::ServerError, u32::MAX);
    let jobs = system.put_crowd(&["ada", "ben", "cleo"], 0..30).await;
    let pool = system.redis.patient_pool();
    let state = async || breaker_status(&pool, &system.keys, "openai").await.unwrap().state;
    let probe = async || -> Option<String> {
        system.raw::<Option<String>>(&["HGET", &format!("{}:breaker:openai", system.keys.root()), "probe"]).await
    };
    let opened = async {
        while state().await == BreakerState::Closed {
            sleep(LOOK_EVERY).await;
        }
        // From here on a call is the probe until it is answered, and it is not.
        system.simulator.hold();
        let calls = system.simulator.arrivals().len();
        loop {
            if let Some(probe) = probe().await
                && system.simulator.arrivals()[calls..].iter().any(|call| probe.starts_with(&call.job))
            {
                return probe;
            }
            sleep(LOOK_EVERY).await;
        }
    };
    let member = tokio::time::timeout(PATIENCE, opened).await.expect("a probe is held");
    let id = member.split(':').next().unwrap().to_owned();
    let holder: String = system.raw(&["HGET", &system.keys.job(id.parse().unwrap()), "worker"]).await;
    let place = workers.iter().position(|(name, _)| holder.starts_with(&format!("{name}-"))).unwrap();
    let calls = system.simulator.stats(Duration::from_secs(1)).calls;
    let killed = tokio::time::Instant::now();
    workers.remove(place).1.kill().await;
    tokio::time::timeout(PATIENCE, system.simulator.wait_for_calls(calls + 1)).await.expect("another probe goes");
    let took = killed.elapsed();
    assert!(took <= LEASE + Duration::from_secs(2), "{took:?} until the next probe");
    assert_ne!(system.simulator.arrivals().last().unwrap().job, id, "another job is the probe");

    system.simulator.clear_faults();
    system.simulator.release();
    system.ended_within(&jobs, PATIENCE).await;
}
