//! The events of a job reach a client of any api process, whatever process works on the job.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use crate::harness::{Process, System, assert_good_cards, chapter};

const PATIENCE: Duration = Duration::from_secs(30);

/// An open stream of events.
struct Events {
    answer: reqwest::Response,
    text: String,
}

#[derive(Debug)]
struct Event {
    name: String,
    id: String,
    data: Value,
}

impl Events {
    async fn of(system: &System, api: &Process, id: &str) -> Self {
        let answer = system.http.get(api.url(&format!("/api/job-events?jobId={id}"))).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/event-stream"));
        Self { answer, text: String::new() }
    }

    /// The next event; `None` when the stream has ended.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                let Some(data) = field("data") else { continue };
                let (name, id) = (field("event").unwrap().to_owned(), field("id").unwrap().to_owned());
                return Some(Event { name, id, data: serde_json::from_str(data).unwrap() });
            }
            let chunk = timeout(PATIENCE, self.answer.chunk()).await.expect("nothing comes").unwrap()?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    async fn expect(&mut self, name: &str) -> Value {
        let event = self.next().await.unwrap_or_else(|| panic!("the stream has ended before {name}"));
        assert_eq!(event.name, name, "{event:?}");
        event.data
    }

    async fn rest(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

#[tokio::test]
async fn the_events_of_a_worker_elsewhere_arrive_and_the_stream_ends() {
    let mut system = System::new().await;
    system.set("OPENAI_CHUNK_TOKENS", 300);
    let (one, other) = (system.api().await, system.api().await);
    let id = system.submit(&one, &chapter(4, 11)).await;
    let mut events = Events::of(&system, &other, &id).await;
    let connected = events.expect("connected").await;
    assert_eq!(connected["jobId"], id.as_str());
    assert!(connected["message"].is_string() && connected["timestamp"].is_string(), "{connected}");
    // The stream stands, and nobody works yet.
    let channel = format!("{}:events:{id}", system.keys.root());
    let subscribed = async { while system.raw::<(String, i64)>(&["PUBSUB", "NUMSUB", &channel]).await.1 == 0 {} };
    timeout(PATIENCE, subscribed).await.expect("the stream is subscribed");
    // Each call takes long enough that what comes between two of them is seen.
    system.simulator.set_latency(Duration::from_millis(100));
    system.simulator.hold();
    let _worker = system.worker("a").await;
    assert_eq!(events.expect("active").await["jobId"], id.as_str());
    system.simulator.release();

    let rest = events.rest().await;
    let (end, steps) = rest.split_last().unwrap();
    // On a busy machine the worker may lose its lease, and begin once more.
    assert!(steps.iter().all(|event| event.name == "progress" || event.name == "active"), "{steps:?}");
    let percents: Vec<_> = steps.iter().filter_map(|event| event.data["progress"].as_u64()).collect();
    assert!(!percents.is_empty(), "{steps:?}");
    assert!(percents.is_sorted(), "{percents:?}");
    assert_eq!((end.name.as_str(), end.id.as_str(), &end.data["jobId"]), ("completed", "end", &json!(id)));
    assert_good_cards(end.data["result"]["flashcards"].as_array().unwrap());
    assert!(
        end.data["result"]["success"] == true && end.data["duration"].is_u64() && end.data["timestamp"].is_string()
    );

    // Who comes late is told the end at once; a browser that connects again is told that there is no more.
    let late: Vec<_> = Events::of(&system, &one, &id).await.rest().await.into_iter().map(|event| event.name).collect();
    assert_eq!(late, ["connected", "completed"]);
    let url = one.url(&format!("/api/job-events?jobId={id}"));
    let again = system.http.get(&url).header("last-event-id", "end").send().await.unwrap();
    assert_eq!(again.status(), 204);
}

#[tokio::test]
async fn a_cancelled_job_is_failed_and_nobody_sees_another_user_s() {
    let system = System::new().await;
    let (one, other) = (system.api().await, system.api().await);
    let id = system.submit(&one, &chapter(1, 2)).await;
    let url = one.url(&format!("/api/job-events?jobId={id}"));
    let foreign = system.http.get(&url).header("user-id", "eve").send().await.unwrap();
    let unknown =
        system.http.get(one.url("/api/job-events?jobId=01a20d2b-61d7-70f2-9e32-a9474b61a22a")).send().await.unwrap();
    assert_eq!((foreign.status().as_u16(), unknown.status().as_u16()), (404, 404));
    assert_eq!(foreign.bytes().await.unwrap(), unknown.bytes().await.unwrap());

    let mut events = Events::of(&system, &other, &id).await;
    events.expect("connected").await;
    let cancelled = system.http.delete(one.url(&format!("/api/v1/jobs/{id}"))).send().await.unwrap();
    assert_eq!(cancelled.status(), 200);
    let failed = events.expect("failed").await;
    assert_eq!((&failed["error"], &failed["attemptsMade"]), (&json!("Job cancelled"), &json!(0)));
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn a_process_that_stops_ends_its_streams() {
    let system = System::new().await;
    let mut api = system.api().await;
    let id = system.submit(&api, &chapter(1, 2)).await;
    let mut events = Events::of(&system, &api, &id).await;
    events.expect("connected").await;
    api.terminate();
    assert!(events.next().await.is_none());
    assert!(api.ended().await.success());
}

#[tokio::test]
async fn a_stream_survives_a_redis_that_comes_back() {
    let mut system = System::on(shared::testing::TestRedis::with_append_only("always").await.unwrap()).await;
    let api = system.api().await;
    let id = system.submit(&api, &chapter(1, 2)).await;
    let mut events = Events::of(&system, &api, &id).await;
    events.expect("connected").await;
    system.redis.kill().await.unwrap();
    system.redis.start_again().await.unwrap();
    let _worker = system.worker("a").await;
    let rest = events.rest().await;
    assert_eq!(rest.last().unwrap().name, "completed", "{rest:?}");
}

#[tokio::test]
async fn an_open_stream_has_its_place_among_the_requests_in_hand() {
    let mut system = System::new().await;
    let submitting = system.api().await;
    let id = system.submit(&submitting, &chapter(4, 2)).await;
    system.set("API_MAX_CONCURRENT", 1);
    let api = system.api().await;
    let mut events = Events::of(&system, &api, &id).await;
    events.expect("connected").await;
    let look = || async {
        let looked = system.http.get(api.url(&format!("/api/job-events?jobId={id}"))).send().await.unwrap();
        (looked.status().as_u16(), looked.headers().get("retry-after").cloned())
    };
    let (status, retry_after) = look().await;
    assert_eq!((status, retry_after.unwrap().to_str().unwrap()), (503, "1"));
    drop(events);
    let free = async { while look().await.0 != 200 {} };
    timeout(PATIENCE, free).await.expect("the place of a stream that was left is free again");
}
