//! The output cap fits what is asked for, so that the limit of tokens feeds the limit of requests.

use std::time::Duration;

use shared::testing::simulator::ConfigPatch;
use tokio::time::Instant;

use crate::harness::System;

const LEARNERS: usize = 40;

/// About 100 characters, different for each learner.
fn text(number: usize) -> String {
    let text = format!(
        "The chloroplast number {number} of the leaf stores sunlight as sugar, and the roots bring water to the stem."
    );
    assert!((90..120).contains(&text.len()), "{}", text.len());
    text
}

#[tokio::test]
async fn forty_learners_get_their_cards_within_a_window_of_the_default_limits() {
    let mut system = System::new().await;
    for (name, value) in [
        ("OPENAI_RATE_LIMIT_RPM", 50),
        ("OPENAI_RATE_LIMIT_TPM", 90_000),
        ("OPENAI_MAX_CONCURRENT", 20),
        ("OPENAI_RATE_WINDOW_MS", 60_000),
    ] {
        system.set(name, value);
    }
    system.simulator.configure(&ConfigPatch { rpm: Some(50), tpm: Some(90_000), ..ConfigPatch::default() });
    system.simulator.set_latency(Duration::from_secs(1));
    let (api, _worker) = (system.api().await, system.worker("a").await);
    let began = Instant::now();
    let mut ids = Vec::new();
    for number in 0..LEARNERS {
        ids.push(system.submit(&api, &text(number)).await);
    }
    for id in &ids {
        let job = system.end_of(&api, id).await;
        assert_eq!((&job["state"], &job["attempts"]), (&"completed".into(), &1.into()), "{job}");
    }
    assert!(began.elapsed() < Duration::from_secs(55), "{:?}", began.elapsed());
    let calls = system.simulator.arrivals();
    assert_eq!(calls.len(), LEARNERS, "one call each");
    assert!(calls.iter().all(|call| call.status == 200));
}
