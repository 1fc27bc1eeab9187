//! The output cap fits what is asked for, so that the limit of tokens feeds the limit of requests.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::testing::simulator::ConfigPatch;
use tokio::time::Instant;

use crate::harness::{PATIENCE, Process, System};

const LEARNERS: usize = 40;

/// About 100 characters, different for each learner.
fn text(number: usize) -> String {
    let text = format!(
        "The chloroplast number {number} of the leaf stores sunlight as sugar, and the roots bring water to the stem."
    );
    assert!((90..120).contains(&text.len()), "{}", text.len());
    text
}

/// A lesson of 2,125 characters, different for each learner.
fn long_text(number: usize) -> String {
    let lesson = include_str!("../../lessons/photosynthesis.txt");
    let text = lesson.replacen("Photosynthesis", &format!("Photosynth{number:03}s"), 1);
    assert!(text != lesson && text.len() == 2_125, "{}", text.len());
    text
}

/// A system with the limits of `.env.example`, on both sides; a call takes a second.
async fn with_default_limits() -> System {
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
    system
}

#[tokio::test]
async fn forty_learners_get_their_cards_within_a_window_of_the_default_limits() {
    let system = with_default_limits().await;
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

/// The seconds of an `estimatedTime` such as `50-120 seconds` or `1-3 minutes`.
fn estimate(text: &str) -> (f64, f64) {
    let (span, unit) = text.split_once(' ').unwrap();
    let (least, most) = span.split_once('-').unwrap();
    let unit = match unit {
        "seconds" => 1.0,
        "minutes" => 60.0,
        unit => panic!("{unit}"),
    };
    (least.parse::<f64>().unwrap() * unit, most.parse::<f64>().unwrap() * unit)
}

/// The answer that a shipped app gets when it waits for its cards for 55 s.
async fn held(system: &System, api: &Process, number: usize) -> (u16, Value) {
    let body = json!({
        "content": long_text(number), "subject": "Biology", "topic": "Photosynthesis", "userId": format!("user-{number}"),
        "nativeLanguage": "German", "targetLanguage": "English",
    });
    let request = system.http.post(api.url("/api/ai/generate-flashcards?wait=55")).json(&body).send();
    let answer = tokio::time::timeout(PATIENCE, request).await.expect("an answer within 55 s").unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn longer_lessons_get_what_the_limit_of_tokens_feeds_and_the_others_are_told_when() {
    let system = with_default_limits().await;
    let (api, _worker) = (system.api().await, system.worker("a").await);
    let began = Instant::now();
    let answers = join_all((0..LEARNERS).map(|number| held(&system, &api, number))).await;
    let sets = answers.iter().filter(|(status, _)| *status == 200).count();
    let bill = system.simulator.bill();
    let (prompt, answer) = (bill.prompt_tokens / bill.calls, bill.completion_tokens / bill.calls);
    assert!(answer >= 12 * 60, "answers of {answer} tokens are shorter than real ones");
    let fed = 90_000 * 2 / (prompt * 2 + answer * 3);
    assert!(sets as u64 >= fed.min(LEARNERS as u64), "{sets} sets, of {fed}: prompt {prompt}, answer {answer}");
    for (status, body) in answers.iter().filter(|(status, _)| *status != 200) {
        assert_eq!(*status, 202, "{body}");
        let (least, most) = estimate(body["estimatedTime"].as_str().unwrap());
        let job = system.end_of(&api, body["jobId"].as_str().unwrap()).await;
        assert_eq!(job["state"], "completed", "{job}");
        let took = began.elapsed().as_secs_f64();
        assert!(least / 2.0 <= took && took <= most * 2.0, "{took} s, estimated {body}");
    }
    assert_eq!(system.simulator.arrivals().len(), LEARNERS, "one call each");
}
