//! The same work is paid for once, and what nobody wants any more is not paid for at all.

use std::collections::{BTreeSet, HashSet};

use serde_json::{Value, json};
use shared::testing::simulator::Fault;
use tokio::task::JoinSet;

use crate::harness::{Process, QUEUE, System, assert_good_cards, cards, chapter, legacy, lesson};

impl System {
    /// What v1 answers to a lesson of `user`; status and body.
    async fn post(&self, api: &Process, content: &str, user: &str, headers: &[(&str, &str)]) -> (u16, Value) {
        let mut body = lesson(content);
        body["userId"] = json!(user);
        let mut request = self.http.post(api.url("/api/v1/flashcards")).json(&body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn delete(&self, api: &Process, id: &str) -> (u16, Value) {
        let answer = self.http.delete(api.url(&format!("/api/v1/jobs/{id}"))).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    fn calls(&self) -> usize {
        self.simulator.arrivals().len()
    }
}

fn id(body: &Value) -> String {
    body["id"].as_str().unwrap_or_else(|| panic!("no id: {body}")).to_owned()
}

#[tokio::test]
async fn a_hundred_taps_of_one_user_are_one_job_and_one_call() {
    let system = System::new().await;
    let replicas = [system.api().await, system.api().await];
    let _workers = [system.worker("a").await, system.worker("b").await];
    let mut taps = JoinSet::new();
    for tap in 0..100 {
        taps.spawn(system.http.post(replicas[tap % 2].url("/api/v1/flashcards")).json(&lesson(&chapter(1, 2))).send());
    }
    let mut ids = BTreeSet::new();
    while let Some(tap) = taps.join_next().await {
        let answer = tap.unwrap().unwrap();
        assert!([200, 202].contains(&answer.status().as_u16()));
        ids.insert(id(&answer.json().await.unwrap()));
    }
    assert_eq!(ids.len(), 1);
    let job = system.end_of(&replicas[0], ids.first().unwrap()).await;
    assert_eq!((&job["state"], job.get("fromCache")), (&json!("completed"), None));
    assert_eq!(system.calls(), 1);
}

#[tokio::test]
async fn the_same_text_of_a_hundred_users_is_a_hundred_jobs_and_one_call() {
    let system = System::new().await;
    let replicas = [system.api().await, system.api().await];
    let _workers = [system.worker("a").await, system.worker("b").await];
    system.simulator.hold();
    let mut users = JoinSet::new();
    for user in 0..100 {
        let mut body = lesson(&chapter(1, 2));
        body["userId"] = json!(format!("user-{user}"));
        users.spawn(system.http.post(replicas[user % 2].url("/api/v1/flashcards")).json(&body).send());
    }
    let mut ids = HashSet::new();
    while let Some(user) = users.join_next().await {
        let answer = user.unwrap().unwrap();
        assert_eq!(answer.status(), 202);
        ids.insert(id(&answer.json().await.unwrap()));
    }
    assert_eq!(ids.len(), 100);
    system.simulator.release();
    let mut results = HashSet::new();
    for id in &ids {
        let job = system.end_of(&replicas[0], id).await;
        assert_eq!(job["state"], "completed", "{job}");
        assert_good_cards(cards(&job));
        results.insert(job["result"].to_string());
    }
    assert_eq!((results.len(), system.calls()), (1, 1));
    // Each of them is its user's alone.
    let foreign = system.http.get(replicas[0].url(&format!("/api/v1/jobs/{}", ids.iter().next().unwrap())));
    assert_eq!(foreign.header("user-id", "nobody").send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn finished_work_is_answered_at_once_unless_it_is_wanted_anew() {
    let system = System::new().await;
    let (api, _worker) = (system.api().await, system.worker("a").await);
    let text = chapter(1, 2);
    let first = id(&system.post(&api, &text, "ada", &[]).await.1);
    let done = system.end_of(&api, &first).await;

    let (status, repeat) = system.post(&api, &text, "ada", &[]).await;
    assert_eq!((status, &repeat["id"], repeat.get("fromCache")), (200, &json!(first), None), "it is the same job");
    let (status, other) = system.post(&api, &text, "eve", &[]).await;
    assert_eq!((status, &other["state"], &other["fromCache"]), (200, &json!("completed"), &json!(true)), "{other}");
    assert_eq!((&other["result"], other["id"] == done["id"]), (&done["result"], false));
    assert_eq!(system.calls(), 1);

    let mut old = legacy(&text);
    old["userId"] = json!("kim");
    let post = |query: &str, body: &Value| {
        system.http.post(api.url(&format!("/api/ai/generate-flashcards{query}"))).json(body).send()
    };
    let queued: Value = post("", &old).await.unwrap().json().await.unwrap();
    assert_eq!((&queued["status"], &queued["fromCache"]), (&json!("completed"), &json!(true)), "{queued}");
    let held = post("?wait=30", &old).await.unwrap();
    assert_eq!(held.status(), 200);
    assert_eq!(held.json::<Value>().await.unwrap()["fromCache"], true);
    assert_eq!(system.calls(), 1);

    let (status, anew) = system.post(&api, &text, "eve", &[("cache-control", "no-cache")]).await;
    assert_eq!(status, 202);
    assert_eq!(system.end_of(&api, &id(&anew)).await["state"], "completed");
    old["fresh"] = json!(true);
    let held = post("?wait=60", &old).await.unwrap();
    assert_eq!((held.status().as_u16(), held.json::<Value>().await.unwrap().get("fromCache")), (200, None));
    assert_eq!(system.calls(), 3);
}

#[tokio::test]
async fn an_idempotency_key_names_one_request() {
    let system = System::new().await;
    let (api, _worker) = (system.api().await, system.worker("a").await);
    let key = [("idempotency-key", "\"tap-1\""), ("cache-control", "no-cache")];
    let (first, second) = (chapter(1, 2), chapter(2, 2));
    let (status, accepted) = system.post(&api, &first, "ada", &key).await;
    assert_eq!(status, 202);
    // Also of work that is wanted anew: the repeat is the same request.
    let bare = [("idempotency-key", "tap-1"), ("cache-control", "no-cache")];
    assert_eq!(system.post(&api, &first, "ada", &bare).await.1["id"], accepted["id"]);
    let (status, reused) = system.post(&api, &second, "ada", &key).await;
    assert_eq!((status, &reused["code"]), (422, &json!("idempotency_key_reused")), "{reused}");
    assert_eq!(reused["field"], "Idempotency-Key");
    let (status, cached) = system.post(&api, &first, "ada", &bare[..1]).await;
    assert_eq!(
        (status, &cached["code"]),
        (422, &json!("idempotency_key_reused")),
        "without asking for new work: {cached}"
    );
    let (status, theirs) = system.post(&api, &second, "eve", &key).await;
    assert_eq!(status, 202, "a key is its user's own");
    for job in [&accepted, &theirs] {
        assert_eq!(system.end_of(&api, &id(job)).await["state"], "completed");
    }
    assert_eq!(system.calls(), 2);
    let (status, bad) = system.post(&api, &first, "ada", &[("idempotency-key", "a b")]).await;
    assert_eq!((status, &bad["code"]), (400, &json!("invalid_idempotency_key")));
}

#[tokio::test]
async fn who_follows_a_failing_job_gets_its_failure_and_a_retry_is_new_work() {
    let system = System::new().await;
    let (api, _worker) = (system.api().await, system.worker("a").await);
    system.simulator.hold();
    system.simulator.fail_next(Fault::BadRequest, 1);
    let leader = id(&system.post(&api, &chapter(1, 2), "ada", &[]).await.1);
    let follower = id(&system.post(&api, &chapter(1, 2), "eve", &[]).await.1);
    system.simulator.wait_for_calls(1).await;
    system.simulator.release();
    let (failed, theirs) = (system.end_of(&api, &leader).await, system.end_of(&api, &follower).await);
    assert_eq!((&failed["state"], &theirs["error"]), (&json!("failed"), &failed["error"]), "{theirs}");
    assert_eq!(system.calls(), 1);
    let (status, again) = system.post(&api, &chapter(1, 2), "ada", &[]).await;
    assert!(status == 202 && again["id"] != json!(leader), "{again}");
    assert_eq!(system.end_of(&api, &id(&again)).await["state"], "completed");
}

#[tokio::test]
async fn a_job_that_waits_is_cancelled_and_never_starts() {
    let system = System::new().await;
    let api = system.api().await;
    let waiting = system.submit(&api, &chapter(1, 2)).await;
    let (status, job) = system.delete(&api, &waiting).await;
    assert_eq!((status, &job["state"], &job["error"]["code"]), (200, &json!("cancelled"), &json!("job_cancelled")));
    let (status, again) = system.delete(&api, &waiting).await;
    assert_eq!((status, &again["code"]), (409, &json!("job_ended")), "{again}");
    let legacy_status = system.http.get(api.url(&format!("/api/job-status/{waiting}"))).send().await.unwrap();
    let shown: Value = legacy_status.json().await.unwrap();
    assert_eq!((&shown["status"], &shown["error"]), (&json!("failed"), &json!("Job cancelled")));

    let _worker = system.worker("a").await;
    let other = system.submit(&api, &chapter(2, 2)).await;
    assert_eq!(system.end_of(&api, &other).await["state"], "completed");
    assert_eq!(system.calls(), 1);
    let (status, done) = system.delete(&api, &other).await;
    assert_eq!((status, &done["code"]), (409, &json!("job_ended")));
    let unknown = system.delete(&api, "0192f000-0000-7000-8000-000000000000").await;
    assert_eq!((unknown.0, &unknown.1["code"]), (404, &json!("job_not_found")));
}

#[tokio::test]
async fn a_running_job_is_aborted_in_its_worker_and_who_followed_it_takes_over() {
    let mut system = System::new().await;
    // No renewal tells the worker in time: the word comes by itself.
    system.set("LEASE_SECONDS", 600);
    system.set("OPENAI_MAX_CONCURRENT", 1);
    let (api, worker) = (system.api().await, system.worker("a").await);
    system.simulator.hold();
    let leader = id(&system.post(&api, &chapter(1, 2), "ada", &[]).await.1);
    system.simulator.wait_for_calls(1).await;
    let follower = id(&system.post(&api, &chapter(1, 2), "eve", &[]).await.1);
    let foreign = system.http.delete(api.url(&format!("/api/v1/jobs/{leader}"))).header("user-id", "eve");
    assert_eq!(foreign.send().await.unwrap().status(), 404);
    let (status, job) = system.delete(&api, &leader).await;
    assert_eq!((status, &job["state"]), (200, &json!("cancelled")));

    // With one slot for the whole fleet the follower's call shows that the worker has let go.
    system.simulator.wait_for_calls(2).await;
    system.simulator.release();
    let job = system.end_of(&api, &follower).await;
    assert_eq!((&job["state"], system.calls()), (&json!("completed"), 2), "{job}");
    assert_eq!(system.job(&api, &leader).await["state"], "cancelled");
    let group = shared::limiter::Group::new("openai", "gpt-6-luna");
    system.until("no slot is taken", &["ZCARD", &system.keys.in_flight(&group)], |slots| slots == 0).await;
    assert_eq!(system.raw::<u64>(&["ZCARD", &system.keys.leases(QUEUE)]).await, 0);
    drop(worker);
}

#[tokio::test]
async fn a_worker_that_was_stopped_past_its_lease_still_brings_its_result() {
    let system = System::new().await;
    let (api, first) = (system.api().await, system.worker("first").await);
    system.simulator.hold();
    let id = system.submit(&api, &chapter(1, 2)).await;
    system.simulator.wait_for_calls(1).await;
    first.suspend();
    // The second call is never answered: only the first worker can bring the result.
    system.simulator.fail_next(Fault::Stall, 1);
    let second = system.worker("second").await;
    system.simulator.wait_for_calls(2).await;
    system.simulator.release();
    first.resume();
    let job = system.end_of(&api, &id).await;
    assert_eq!(job["state"], "completed", "{job}");
    drop(second);
}

#[tokio::test]
async fn seven_spellings_of_one_text_are_one_call() {
    let system = System::new().await;
    let (api, _worker) = (system.api().await, system.worker("a").await);
    let text = format!("Où vont les élèves ?\nIls vont à l’école.\n{}", chapter(1, 2));
    let decomposed = [("ù", "u\u{300}"), ("é", "e\u{301}"), ("è", "e\u{300}"), ("à", "a\u{300}")]
        .into_iter()
        .fold(text.clone(), |text, (composed, decomposed)| text.replace(composed, decomposed));
    let spellings = [
        text.clone(),
        text.replace('\n', "\r\n"),
        format!("{text}\n"),
        format!(" {text}"),
        decomposed,
        text.replace(" ?", "\u{a0}?"),
        format!("\u{feff}{text}"),
    ];
    assert_eq!(HashSet::from(spellings.clone()).len(), 7);
    let mut jobs = Vec::new();
    for (i, spelling) in spellings.iter().enumerate() {
        let user = format!("user-{i}");
        let (status, body) = system.post(&api, spelling, &user, &[]).await;
        assert!([200, 202].contains(&status), "{body}");
        jobs.push((user, id(&body)));
    }
    for (user, id) in &jobs {
        assert_eq!(system.end_of_user(&api, user, id).await["state"], "completed");
    }
    assert_eq!(system.calls(), 1);
}

#[tokio::test]
async fn an_image_that_was_pasted_costs_nothing_and_alone_is_no_lesson() {
    let system = System::new().await;
    let (api, _worker) = (system.api().await, system.worker("a").await);
    let image = format!("data:image/png;base64,{}", "iVBORw0KGgoAAAANSUhEUgAA/8+".repeat(4_000));
    let (status, body) = system.post(&api, &format!("{}\n\n{image}", chapter(1, 2)), "ada", &[]).await;
    assert_eq!(status, 202);
    assert_eq!(system.end_of(&api, &id(&body)).await["state"], "completed");
    assert_eq!(system.calls(), 1);

    let (status, problem) = system.post(&api, &image, "ada", &[]).await;
    assert_eq!((status, &problem["code"]), (422, &json!("empty_content")), "{problem}");
    let answer = system.http.post(api.url("/api/ai/generate-flashcards")).json(&legacy(&image)).send().await.unwrap();
    assert_eq!(answer.status(), 422);
    assert_eq!(answer.json::<Value>().await.unwrap()["code"], "EMPTY_CONTENT");
}
