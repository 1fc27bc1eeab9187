//! A recording through the whole system: real processes, and a stand-in for Azure that holds calls to its contract.

use std::{collections::BTreeSet, time::Duration};

use futures_util::future::join_all;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use shared::testing::{simulator::Fault, tone};

use crate::harness::{Process, System, form};

const TEXT: &str = "The leaf turns to the light.";
const AUDIO_QUEUE: &str = "audio-jobs";

impl System {
    async fn speech_worker(&self, name: &str) -> Process {
        self.start("pronunciation-worker", &[("RAILWAY_REPLICA_ID", name)]).await
    }

    async fn speak(&self, api: &Process, user: &str, audio: &[u8]) -> Response {
        let request = self.http.post(api.url("/api/v1/pronunciation")).header("user-id", user);
        form(request, Some(audio), &[("referenceText", TEXT)]).send().await.unwrap()
    }

    /// The id of a new job.
    async fn spoken(&self, api: &Process, user: &str, audio: &[u8]) -> String {
        let answer = self.speak(api, user, audio).await;
        assert_eq!(answer.status(), 202, "{}", answer.text().await.unwrap());
        answer.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned()
    }

    /// What the shipped app does: sends a form and waits.
    async fn assess(&self, api: &Process, audio: &[u8], fields: &[(&str, &str)]) -> (StatusCode, Value) {
        let request = self.http.post(api.url("/api/pronunciation-assess"));
        let answer = form(request, Some(audio), fields).send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }

    async fn recordings(&self) -> Vec<String> {
        self.raw(&["KEYS", "*:recording:*"]).await
    }

    async fn nothing_waits(&self) {
        assert_eq!(self.recordings().await, [""; 0]);
        assert_eq!(self.raw::<Option<u64>>(&["HGET", "{it}:bytes", AUDIO_QUEUE]).await, None);
    }
}

#[tokio::test]
async fn the_shipped_app_gets_the_scores_in_the_answer() {
    let system = System::new().await;
    let (api, _worker) = (system.api().await, system.speech_worker("a").await);
    let (status, body) = system.assess(&api, &tone(1, 900), &[("referenceText", TEXT)]).await;
    assert_eq!((status.as_u16(), &body["success"]), (200, &json!(true)), "{body}");
    let assessment = &body["assessment"];
    for score in ["accuracyScore", "fluencyScore", "completenessScore", "pronunciationScore"] {
        assert!(assessment[score].as_f64().is_some_and(|score| (0.0..=100.0).contains(&score)), "{score}: {body}");
    }
    assert_eq!(assessment["referenceText"], TEXT);
    assert!(assessment["passed"].is_boolean() && assessment["recognizedText"].is_string(), "{body}");
    let words: Vec<_> =
        assessment["words"].as_array().unwrap().iter().map(|word| word["word"].as_str().unwrap()).collect();
    assert_eq!(words.join(" ").to_lowercase(), "the leaf turns to the light");
    for word in assessment["words"].as_array().unwrap() {
        assert!(word["accuracyScore"].is_number() && word["errorType"].is_string(), "{word}");
        assert!(word["phonemes"].as_array().unwrap().iter().all(|sound| sound["phoneme"].is_string()), "{word}");
    }
    for text in ["overall", "accuracy", "fluency"] {
        assert!(body["feedback"][text].as_str().is_some_and(|text| !text.is_empty()), "{body}");
    }
    assert!(body["feedback"]["wordIssues"].is_array(), "{body}");
    system.nothing_waits().await;

    let (status, silence) = system.assess(&api, &silence(), &[("referenceText", TEXT)]).await;
    assert_eq!((status.as_u16(), &silence["code"]), (422, &json!("AUDIO_SILENT")), "{silence}");
    let cut: Vec<u8> = tone(1, 900)[..60].to_vec();
    let (status, broken) = system.assess(&api, &cut, &[("referenceText", TEXT)]).await;
    assert!(status == 422 && broken["code"].as_str().unwrap().starts_with("AUDIO_"), "{broken}");
    system.nothing_waits().await;
}

fn silence() -> Vec<u8> {
    let mut wav = tone(1, 900);
    wav[44..].fill(0);
    wav
}

#[tokio::test]
async fn the_same_recording_is_assessed_once_and_others_are_not_the_same() {
    let system = System::new().await;
    let (api, other_api, _worker) = (system.api().await, system.api().await, system.speech_worker("a").await);
    let id = system.spoken(&api, "ada", &tone(1, 300)).await;
    let job = system.end_of_user(&other_api, "ada", &id).await;
    assert_eq!(
        (&job["state"], &job["kind"], &job["queue"]),
        (&json!("completed"), &json!("assess-pronunciation"), &json!(AUDIO_QUEUE))
    );
    let word = &job["result"]["assessment"]["words"][0];
    assert!(word["offsetMs"].is_u64() && word["durationMs"].is_u64(), "{job}");
    let again = system.speak(&api, "ada", &tone(1, 300)).await;
    assert_eq!((again.status().as_u16(), &again.json::<Value>().await.unwrap()["id"]), (200, &json!(id)));
    assert_eq!(system.simulator.speech_stats().calls, 1);
    let another = system.spoken(&api, "ada", &tone(2, 300)).await;
    assert_ne!(another, id);
    system.end_of_user(&api, "ada", &another).await;
    assert_eq!(system.simulator.speech_stats().calls, 2);
    // The body itself is a recording, too.
    let url = api.url("/api/v1/pronunciation?referenceText=The%20leaf&language=de&prosody=true");
    let request = system.http.post(url).header("user-id", "ada").header("content-type", "audio/mp4");
    let raw = request.body(tone(3, 300)).send().await.unwrap();
    let id = raw.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned();
    let job = system.end_of_user(&api, "ada", &id).await;
    assert_eq!(job["result"]["assessment"]["language"], "de-DE", "{job}");
    assert!(job["result"]["assessment"]["prosodyScore"].is_number(), "{job}");
    system.nothing_waits().await;
}

#[tokio::test]
async fn a_stranger_s_assessment_is_no_assessment() {
    let system = System::new().await;
    let (api, _worker) = (system.api().await, system.speech_worker("a").await);
    let id = system.spoken(&api, "ada", &tone(1, 300)).await;
    system.end_of_user(&api, "ada", &id).await;
    let url = api.url(&format!("/api/v1/jobs/{id}"));
    let foreign = system.http.get(url).header("user-id", "eve").send().await.unwrap();
    assert_eq!(foreign.status(), 404);
}

#[tokio::test]
async fn whoever_is_killed_the_assessment_arrives() {
    let system = System::new().await;
    let (api, worker) = (system.api().await, system.speech_worker("first").await);
    system.simulator.hold();
    let id = system.spoken(&api, "ada", &tone(1, 300)).await;
    api.kill().await;
    system.simulator.wait_for_calls(1).await;
    worker.kill().await;
    system.simulator.release();
    let (api, _worker) = (system.api().await, system.speech_worker("second").await);
    let job = system.end_of_user(&api, "ada", &id).await;
    assert_eq!((&job["state"], &job["attempts"]), (&json!("completed"), &json!(1)), "a crash uses no attempt: {job}");
    system.nothing_waits().await;
}

#[tokio::test]
async fn what_azure_says_decides_what_becomes_of_a_recording() {
    let system = System::new().await;
    let (api, _worker) = (system.api().await, system.speech_worker("a").await);
    for (number, fault, state, attempts) in [
        (1, Fault::ServerError, "completed", 2),
        (2, Fault::BadRequest, "failed", 1),
        // It waits, and no attempt is used.
        (3, Fault::RateLimit, "completed", 1),
    ] {
        system.simulator.fail_next(fault, 1);
        let id = system.spoken(&api, "ada", &tone(number, 300)).await;
        let job = system.end_of_user(&api, "ada", &id).await;
        assert_eq!((&job["state"], &job["attempts"]), (&json!(state), &json!(attempts)), "{job}");
        if state == "failed" {
            assert_eq!(job["error"]["code"], "audio_rejected");
        }
    }
    system.nothing_waits().await;
}

#[tokio::test]
async fn a_user_s_recordings_in_a_minute_are_counted_by_all_replicas_and_apart_from_cards() {
    let mut system = System::new().await;
    system.set("USER_PRONUNCIATION_LIMIT_PER_MIN", 10);
    let replicas = [system.api().await, system.api().await];
    let asking = (0..40_u32).map(|number| {
        let (system, api) = (&system, &replicas[number as usize % 2]);
        async move { system.speak(api, "ada", &tone(number, 50)).await.status().as_u16() }
    });
    let mut statuses = join_all(asking).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [vec![202; 10], vec![429; 30]].concat());
    let refused = system.speak(&replicas[0], "ada", &tone(99, 50)).await;
    assert!(refused.headers()["ratelimit"].to_str().unwrap().contains("\"user-pronunciation\";r=0"), "{refused:?}");
    let request = system.http.post(replicas[0].url("/api/pronunciation-assess")).header("user-id", "ada");
    let refused = form(request, Some(&tone(98, 50)), &[("referenceText", TEXT)]).send().await.unwrap();
    let body: Value = refused.json().await.unwrap();
    assert_eq!(body["details"]["code"], "USER_PRONUNCIATION_RATE_LIMIT_EXCEEDED", "{body}");
    let cards = system.http.post(replicas[1].url("/api/v1/flashcards")).header("user-id", "ada");
    assert_eq!(cards.json(&crate::harness::lesson("Leaves are green.")).send().await.unwrap().status(), 202);
}

#[tokio::test]
async fn a_burst_of_learners_waits_in_redis_under_the_fleet_s_limit() {
    const LEARNERS: u32 = 120;
    let mut system = System::new().await;
    system.set("AZURE_SPEECH_MAX_CONCURRENT", 20);
    system.simulator.set_latency(Duration::from_millis(40));
    let apis = [system.api().await, system.api().await];
    let _workers = [system.speech_worker("a").await, system.speech_worker("b").await];
    let learners = (0..LEARNERS).map(|number| {
        let (system, api) = (&system, &apis[number as usize % 2]);
        async move {
            let user = format!("learner-{number}");
            let fields = [("referenceText", TEXT), ("userId", user.as_str())];
            let (status, body) = system.assess(api, &tone(number, 200), &fields).await;
            assert_eq!(status, 200, "{body}");
        }
    });
    join_all(learners).await;
    let stats = system.simulator.speech_stats();
    assert_eq!((stats.calls, stats.distinct), (u64::from(LEARNERS), u64::from(LEARNERS)));
    assert!((2..=20).contains(&stats.max_in_flight), "{} calls at once", stats.max_in_flight);
    system.nothing_waits().await;
}

#[tokio::test]
async fn recordings_that_wait_are_bounded_in_memory() {
    let mut system = System::new().await;
    system.set("QUEUE_MAX_BYTES", 6_000_000);
    let api = system.api().await;
    // 1.9 MB each, a minute long: nobody looks into them before a worker does.
    let statuses = join_all((0..6).map(|number| {
        let (system, api) = (&system, &api);
        async move { system.speak(api, "ada", &tone(number, 60_000)).await }
    }))
    .await;
    let full: Vec<_> = statuses.iter().filter(|answer| answer.status() == 503).collect();
    assert_eq!((full.len(), system.recordings().await.len()), (3, 3));
    assert!(full.iter().all(|answer| answer.headers()["retry-after"] == "30"));
    let ids: BTreeSet<String> = system.recordings().await.into_iter().collect();
    let _worker = system.speech_worker("a").await;
    for key in ids {
        let id = key.rsplit(':').next().unwrap();
        let job = system.end_of_user(&api, "ada", id).await;
        assert_eq!(job["error"]["code"], "audio_too_long", "{job}");
    }
    system.nothing_waits().await;
}
