//! The alerts of ops/alerts.yml are raised by what a process shows, from its first page on.

use std::{collections::BTreeSet, path::Path};

use shared::testing::simulator::{Fault, FaultRule};
use yaml_rust2::YamlLoader;

use crate::harness::{Process, Scraped, System, assert_raises, chapter};

/// How many jobs a new worker gets before its second scrape.
const BURST: usize = 200;

async fn system() -> System {
    let mut system = System::new().await;
    system.set_text("MONITORING_ALLOWED_IPS", "127.0.0.1".to_owned());
    system
}

async fn submit_burst(system: &System, api: &Process) {
    for number in 0..BURST {
        system.submit(api, &chapter(number, 1)).await;
    }
}

#[tokio::test]
async fn the_first_burst_of_failures_of_a_new_worker_raises_jobs_fail() {
    let system = system().await;
    system.simulator.fail_next(Fault::BadRequest, u32::MAX);
    let (api, worker) = (system.api().await, system.worker("a").await);
    let first = Scraped::of(&system, &worker).await;
    submit_burst(&system, &api).await;
    let failed = |page: &Scraped| page.figure("unilingo_attempts_total{outcome=\"fail\"}") == Some(200.0);
    let second = Scraped::until(&system, &worker, failed).await;
    assert_raises("JobsFail", &first, &second);
}

#[tokio::test]
async fn the_first_429s_of_a_new_worker_raise_upstream_rate_limited() {
    let mut system = system().await;
    system.set("WORKER_CONCURRENCY", 100);
    let rule = FaultRule { retry_after_ms: Some(1), ..FaultRule::new(Fault::RateLimit) };
    system.simulator.inject(rule);
    let (api, worker) = (system.api().await, system.worker("a").await);
    let first = Scraped::of(&system, &worker).await;
    // The fleet pauses after the first 429, so all calls must be in flight at once.
    worker.suspend();
    submit_burst(&system, &api).await;
    worker.resume();
    let limited = "unilingo_upstream_duration_seconds_count{provider=\"openai\",outcome=\"limited\"}";
    let second = Scraped::until(&system, &worker, |page| page.figure(limited).is_some_and(|calls| calls > 10.0)).await;
    assert_raises("UpstreamRateLimited", &first, &second);
}

/// The series of the alert tests without the labels that Prometheus adds; `up` is its own.
fn series_of_the_alert_tests() -> BTreeSet<(String, BTreeSet<String>)> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ops/alerts.test.yml");
    let documents = YamlLoader::load_from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let tests = documents[0]["tests"].as_vec().unwrap();
    let inputs = tests.iter().flat_map(|test| test["input_series"].as_vec().unwrap());
    let series = inputs.map(|input| parts(input["series"].as_str().unwrap()));
    let added = |label: &String| label.starts_with("job=") || label.starts_with("instance=");
    let ours = series.map(|(name, labels)| (name, labels.into_iter().filter(|label| !added(label)).collect()));
    ours.filter(|(name, _)| name != "up").collect()
}

/// A series' name and labels. No value of a label has a comma.
fn parts(series: &str) -> (String, BTreeSet<String>) {
    let (name, labels) = series.split_once('{').unwrap_or((series, ""));
    let labels = labels.trim_end_matches('}').split(',').filter(|label| !label.is_empty());
    (name.to_owned(), labels.map(str::to_owned).collect())
}

#[tokio::test]
async fn each_series_of_the_alert_tests_is_on_the_first_page_of_a_process() {
    let system = system().await;
    let (api, worker) = (system.api().await, system.worker("a").await);
    api.until_ready(&system.http).await;
    let pages = [Scraped::of(&system, &api).await, Scraped::of(&system, &worker).await];
    let shown: BTreeSet<_> = pages.iter().flat_map(|page| page.series().into_keys().map(parts)).collect();
    let tested = series_of_the_alert_tests();
    assert!(tested.len() > 15, "{tested:?}");
    let missing: Vec<_> = tested.difference(&shown).collect();
    assert!(missing.is_empty(), "no process shows these at its start: {missing:?}");
}
