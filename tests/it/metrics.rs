//! `/metrics` shows what the list of metrics says, and what happened.

use std::{collections::BTreeMap, time::Duration};

use shared::{
    telemetry::metrics::{ALL, Metric, Shown},
    testing::simulator::Fault,
};

use crate::harness::{Scraped, System, chapter};

/// Not every system has a limit that can be read.
const RARE: [&str; 1] = ["unilingo_process_memory_limit_bytes"];

/// Every metric of `expected` is shown with its labels, and nothing else is.
fn assert_shows(scraped: &Scraped, expected: impl Fn(&Metric) -> bool) {
    let found = scraped.labels();
    let known: BTreeMap<_, _> = ALL.iter().filter(|metric| expected(metric)).map(|m| (m.name, m.labels)).collect();
    for (name, labels) in &found {
        let listed = known.get(name).unwrap_or_else(|| panic!("{name} is not in the list, or not of this process"));
        assert_eq!(labels, &listed.iter().copied().collect(), "{name}");
    }
    let missing: Vec<_> = known.keys().filter(|name| !found.contains_key(*name) && !RARE.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?} in {}", scraped.0);
}

const NONE: [&str; 0] = [];

/// The series of this process that only the later page has.
fn late<'a>(before: &Scraped, after: &'a Scraped) -> Vec<&'a str> {
    let (early, of_the_fleet) = (before.series(), |series: &str| {
        ALL.iter().any(|metric| metric.shown == Shown::Fleet && series.starts_with(metric.name))
    });
    after.series().into_keys().filter(|series| !early.contains_key(series) && !of_the_fleet(series)).collect()
}

async fn system() -> System {
    let mut system = System::new().await;
    system.set_text("MONITORING_ALLOWED_IPS", "127.0.0.1".to_owned());
    system.set("OPENAI_RATE_WINDOW_MS", 60_000);
    system.set("OPENAI_RATE_LIMIT_RPM", 1_000);
    system.set("USER_AI_LIMIT_PER_MIN", 2);
    system.set_text("OPENAI_PRICES", "gpt-6-luna=1/10".to_owned());
    system
}

#[tokio::test]
async fn what_is_in_the_list_is_shown_with_its_labels_and_nothing_else() {
    let system = system().await;
    let (api, worker) = (system.api().await, system.worker("a").await);
    let first = [Scraped::of(&system, &api).await, Scraped::of(&system, &worker).await];
    system.simulator.fail_next(Fault::BadRequest, 1);
    for (number, state) in [(1, "failed"), (2, "completed")] {
        let id = system.submit(&api, &chapter(number, 2)).await;
        assert_eq!(system.end_of(&api, &id).await["state"], state);
    }
    let refused = system.http.post(api.url("/api/v1/flashcards")).json(&crate::harness::lesson(&chapter(3, 2)));
    assert_eq!(refused.send().await.unwrap().status(), 429);

    let of_api = Scraped::of(&system, &api).await;
    assert_shows(&of_api, |metric| metric.shown != Shown::Worker);
    for (series, figure) in [
        ("unilingo_redis_up", 1.0),
        ("unilingo_refusals_total{reason=\"user_rate_limit_exceeded\"}", 1.0),
        ("unilingo_http_requests_total{route=\"/api/v1/flashcards\",method=\"POST\",status=\"2xx\"}", 2.0),
        ("unilingo_http_requests_total{route=\"/api/v1/flashcards\",method=\"POST\",status=\"4xx\"}", 1.0),
        ("unilingo_queue_jobs{queue=\"ai-jobs\",state=\"dead\"}", 1.0),
        ("unilingo_queue_waiting_jobs{queue=\"ai-jobs\",class=\"interactive\"}", 0.0),
        ("unilingo_queue_ended_lately{queue=\"ai-jobs\"}", 2.0),
        ("unilingo_fleet_workers{queue=\"ai-jobs\"}", 1.0),
        ("unilingo_window_limit{group=\"openai:gpt-6-luna\",limit=\"rpm\"}", 1_000.0),
        ("unilingo_window_used{group=\"openai:gpt-6-luna\",limit=\"rpm\"}", 2.0),
        ("unilingo_breaker_state{provider=\"openai\",state=\"closed\"}", 1.0),
        ("unilingo_fleet_upstream_calls_total{provider=\"openai\",result=\"error\"}", 1.0),
    ] {
        assert_eq!(of_api.figure(series), Some(figure), "{series} in {}", of_api.0);
    }
    let of_worker = Scraped::of(&system, &worker).await;
    assert_shows(&of_worker, |metric| matches!(metric.shown, Shown::Everywhere | Shown::Worker));
    for (series, figure) in [
        ("unilingo_attempts_total{outcome=\"complete\"}", 1.0),
        ("unilingo_attempts_total{outcome=\"fail\"}", 1.0),
        ("unilingo_job_wait_seconds_count", 2.0),
        ("unilingo_upstream_duration_seconds_count{provider=\"openai\",outcome=\"ok\"}", 1.0),
        ("unilingo_upstream_duration_seconds_count{provider=\"openai\",outcome=\"rejected\"}", 1.0),
        ("unilingo_worker_slots", 20.0),
    ] {
        assert_eq!(of_worker.figure(series), Some(figure), "{series} in {}", of_worker.0);
    }
    for (before, after) in first.iter().zip([&of_api, &of_worker]) {
        assert_eq!(late(before, after), NONE, "series that the first page does not have");
    }
    let cost = of_worker.figure("unilingo_upstream_cost_dollars_total{provider=\"openai\"}");
    let spent = of_api.figure("unilingo_budget_spent_dollars");
    assert!(cost.is_some_and(|cost| cost > 0.0) && (cost.unwrap() - spent.unwrap()).abs() < 1e-9, "{cost:?} {spent:?}");
}

#[tokio::test]
async fn without_redis_a_process_still_shows_itself() {
    let mut system = system().await;
    let (api, worker) = (system.api().await, system.worker("a").await);
    api.until_ready(&system.http).await;
    system.redis.kill().await.unwrap();
    for process in [&api, &worker] {
        let asked = tokio::time::timeout(Duration::from_secs(5), Scraped::of(&system, process)).await;
        let scraped = asked.expect("it answers in time");
        assert_eq!(scraped.figure("unilingo_redis_up"), Some(0.0), "{}", scraped.0);
        assert!(scraped.figure("process_cpu_seconds_total").is_some());
        assert!(!scraped.0.contains("unilingo_queue_"), "{}", scraped.0);
    }
}

#[tokio::test]
async fn the_api_says_how_many_workers_are_needed_and_which_limit_to_raise() {
    let mut system = system().await;
    system.set("USER_AI_LIMIT_PER_MIN", 0);
    // A call is measured, and then nothing may be called any more.
    system.set("OPENAI_RATE_LIMIT_RPM", 1);
    let (api, _worker) = (system.api().await, system.worker("a").await);
    let first = system.submit(&api, &chapter(1, 2)).await;
    assert_eq!(system.end_of(&api, &first).await["state"], "completed");
    for number in 2..40 {
        system.submit(&api, &chapter(number, 2)).await;
    }
    let scaling: serde_json::Value =
        system.http.get(api.url("/api/v1/scaling")).send().await.unwrap().json().await.unwrap();
    let workers = &scaling["services"][1];
    assert_eq!(
        (&workers["service"], &workers["replicas"], &workers["live"]),
        (&"flashcard-worker".into(), &1.into(), &1.into()),
        "{scaling}"
    );
    assert_eq!(
        (&workers["reason"], &workers["limit"], &workers["command"]),
        (&"limit".into(), &"rpm".into(), &"railway scale --service flashcard-worker eu-west=1".into()),
        "{scaling}"
    );
    let queue = &scaling["queues"][0];
    assert_eq!(
        (&queue["queue"], &queue["waiting"], &queue["requestsUsed"], &queue["requestsLimit"], &queue["slots"]),
        (&"ai-jobs".into(), &38.into(), &1.into(), &1.into(), &20.into()),
        "{scaling}"
    );
    assert_eq!(scaling["services"][0]["service"], "api");
}

#[tokio::test]
async fn the_api_has_the_threads_that_it_was_told_and_measures_itself_by_them() {
    let cores = u32::try_from(std::thread::available_parallelism().unwrap().get()).unwrap();
    for threads in [1, 2] {
        let mut system = System::new().await;
        system.set_text("MONITORING_ALLOWED_IPS", "127.0.0.1".to_owned());
        system.set("API_THREADS", threads);
        let api = system.api().await;
        let figure = Scraped::of(&system, &api).await.figure("unilingo_process_cpu_cores");
        assert_eq!(figure, Some(f64::from(threads.min(cores))));
    }
}
