//! A wrong setting holds the jobs and buries none of them.

use std::time::Duration;

use serde_json::Value;
use shared::{
    breaker::{BreakerState, breaker_status},
    testing::simulator::{ConfigPatch, Fault, ProviderProfile},
};
use tokio::time::timeout;

use crate::harness::{PATIENCE, Process, System, chapter};

const JOBS: usize = 200;
const SLOTS: u32 = 10;

async fn alerts(system: &System, api: &Process) -> Value {
    let answer = system.http.get(api.url("/api/metrics/alerts")).send().await.unwrap();
    answer.json::<Value>().await.unwrap()["alerts"].take()
}

async fn reason(system: &System) -> Option<String> {
    let status = breaker_status(&system.redis.patient_pool(), &system.keys, "openai").await.unwrap();
    status.reason.filter(|_| status.state != BreakerState::Closed)
}

async fn until_the_model_is_unknown(system: &System) {
    let found = async { while reason(system).await.as_deref() != Some("openai_model_unknown") {} };
    timeout(PATIENCE, found).await.expect("the breaker opens");
}

fn errors(worker: &Process) -> usize {
    worker.log().lines().filter(|line| line.contains("\"ERROR\"")).count()
}

#[tokio::test]
async fn a_model_that_is_gone_holds_200_jobs_until_it_is_back() {
    let mut system = System::new().await;
    system.set_text("MONITORING_ALLOWED_IPS", "127.0.0.1".to_owned());
    system.set("OPENAI_MAX_CONCURRENT", SLOTS);
    system.set("OPENAI_BREAKER_SLOW_PROBE_MS", 500);
    let (api, worker) = (system.api().await, system.worker("a").await);
    let mut ids = Vec::new();
    for number in 0..JOBS {
        ids.push(system.submit(&api, &chapter(number, 1)).await);
        if number == JOBS / 2 {
            system.simulator.fail_next(Fault::ModelNotFound, u32::MAX);
        }
    }
    until_the_model_is_unknown(&system).await;
    let seen = system.simulator.stats(Duration::from_secs(1)).calls;
    system.simulator.wait_for_calls(seen + 2).await;
    let shown = alerts(&system, &api).await;
    assert_eq!((&shown["openaiMisconfigured"], &shown["openaiModelShutdown"]), (&true.into(), &false.into()));
    let refused: Vec<f64> =
        system.simulator.arrivals().iter().filter(|call| call.status == 404).map(|call| call.t_ms).collect();
    let probes = refused.windows(2).filter(|pair| pair[1] - pair[0] > 300.0).count();
    assert!(probes >= 2 && refused.len() - probes <= SLOTS as usize, "{} calls, {probes} probes", refused.len());
    let log = worker.log();
    let line = log.lines().find(|line| line.contains("The OpenAI API is misconfigured")).unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!((&line["http.status"], &line["openai.code"]), (&404.into(), &"model_not_found".into()), "{line}");
    assert_eq!((&line["setting"], &line["level"]), (&"OPENAI_MODEL".into(), &"ERROR".into()), "{line}");
    assert!(errors(&worker) <= probes + 2, "a line for each time that it opened: {log}");

    system.simulator.clear_faults();
    for id in &ids {
        let job = system.end_of(&api, id).await;
        assert_eq!((&job["state"], &job["attempts"]), (&"completed".into(), &1.into()), "{job}");
    }
    assert_eq!(reason(&system).await, None);
    assert_eq!(alerts(&system, &api).await["openaiMisconfigured"], false);
}

#[tokio::test]
async fn a_worker_with_another_model_is_tried_at_once() {
    let mut system = System::new().await;
    system
        .simulator
        .configure(&ConfigPatch { profile: Some(ProviderProfile::OpenaiClassic), ..ConfigPatch::default() });
    system.set_text("MONITORING_ALLOWED_IPS", "127.0.0.1".to_owned());
    system.set_text("OPENAI_BASE_URL", system.simulator.base_url());
    let model = |name| [("OPENAI_MODEL", name), ("RAILWAY_REPLICA_ID", name)];
    let api = system.start("api", &model("gpt-4.1-nano")).await;
    let id = system.submit(&api, &chapter(0, 1)).await;
    let gone = system.start("flashcard-worker", &model("gpt-4.1-nano")).await;
    until_the_model_is_unknown(&system).await;
    gone.until_it_logs("The provider does not serve the model").await;
    let told = async { while system.job(&api, &id).await["error"]["code"] != "openai_model_unknown" {} };
    timeout(PATIENCE, told).await.expect("the job says what is wrong");
    assert_eq!(alerts(&system, &api).await["openaiMisconfigured"], true);
    drop(gone);

    // Slow probes go every ten minutes.
    let good = system.start("flashcard-worker", &model("gpt-4o-mini")).await;
    let job = system.end_of(&api, &id).await;
    assert_eq!((&job["state"], &job["attempts"]), (&"completed".into(), &1.into()), "{job}");
    good.until_it_logs("The provider shuts the model down soon").await;
    assert!(good.log().contains("2027-01-14") && good.log().contains("a call tries them at once"));
}
