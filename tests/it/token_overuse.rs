//! Calls that use twice the tokens that they reserved.

use std::time::Duration;

use futures_util::future::join_all;
use shared::testing::simulator::{Arrival, ConfigPatch};

use crate::harness::{System, assert_completed};

const TPM: u32 = 40_000;
const WINDOW_MS: u32 = 2_000;
const LATENCY: Duration = Duration::from_millis(200);

/// Most tokens that calls from `since` on used in any window.
fn worst(calls: &[Arrival], since: f64) -> u32 {
    let from = |start: f64| calls.iter().filter(move |call| call.t_ms >= start);
    let inside = |start: f64| from(start).filter(move |call| call.t_ms < start + f64::from(WINDOW_MS));
    from(since).map(|call| inside(call.t_ms).map(|call| call.used_tokens).sum()).max().unwrap_or(0)
}

async fn run(accounting: &str) {
    let mut system = System::new().await;
    system.set("OPENAI_RATE_LIMIT_TPM", TPM);
    system.set("OPENAI_RATE_WINDOW_MS", WINDOW_MS);
    system.set("OPENAI_RATE_GUARD_MS", 200);
    system.set_text("OPENAI_TOKEN_ACCOUNTING", accounting.to_owned());
    system.simulator.configure(&ConfigPatch { used_percent: Some(200), ..ConfigPatch::default() });
    system.simulator.set_latency(LATENCY);
    let jobs = system.put_crowd(&["ada", "ben", "cleo"], 0..22).await;
    let _workers = [system.worker("a").await, system.worker("b").await];
    assert_completed(&system.ended_within(&jobs, Duration::from_mins(1)).await);
    let calls = system.simulator.arrivals();
    let first = calls[0].t_ms;
    let error = calls.iter().map(|call| call.used_tokens - call.reserved_tokens).max().unwrap();
    // Until the first answer nobody knows.
    let unknowing = calls.iter().filter(|call| call.t_ms <= first + LATENCY.as_secs_f64() * 1_000.0).count();
    let (all, later) = (worst(&calls, first), worst(&calls, first + f64::from(WINDOW_MS)));
    let in_flight = u32::try_from(unknowing).unwrap();
    assert!(all <= TPM + in_flight * error, "{accounting}: {all}, {in_flight} calls in flight, error {error}");
    assert!(later <= TPM + error, "{accounting}: {later} from the second window on, error {error}");
    assert!(later > TPM * 3 / 5, "{accounting}: {later}: the limit is used");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn use_above_the_reservation_counts() {
    join_all(["reserved", "used"].map(run)).await;
}
