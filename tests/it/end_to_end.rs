//! A lesson text goes in over HTTP, and cards come out.

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::harness::{System, assert_good_cards, cards, chapter, legacy, lesson};

#[tokio::test]
async fn a_text_becomes_cards() {
    let system = System::new().await;
    let (api, _workers) = (system.api().await, [system.worker("a").await, system.worker("b").await]);
    let text = chapter(1, 3);
    let answer = system.http.post(api.url("/api/v1/flashcards")).json(&lesson(&text)).send().await.unwrap();
    assert_eq!(answer.status(), 202);
    assert!(answer.headers()["retry-after"].to_str().unwrap().parse::<u32>().is_ok());
    let location = answer.headers()["location"].to_str().unwrap().to_owned();
    let id = answer.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned();
    assert_eq!(location, format!("/api/v1/jobs/{id}"));

    let job = system.end_of(&api, &id).await;
    assert_eq!((&job["state"], &job["progress"], &job["attempts"]), (&json!("completed"), &json!(100), &json!(1)));
    assert_good_cards(cards(&job));
    let calls = system.simulator.calls_of(&id);
    let used: u32 = calls.iter().map(|call| call.used_tokens).sum();
    assert_eq!((calls.len(), &job["result"]["tokenUsage"]), (1, &json!(used)));
    assert_eq!(calls[0].request_id, format!("{id}.1.1"));
}

#[tokio::test]
async fn a_long_text_is_worked_through_in_parts_and_ai_selection_finds_topics() {
    let mut system = System::new().await;
    system.set("OPENAI_CHUNK_TOKENS", 200);
    let (api, _worker) = (system.api().await, system.worker("a").await);
    let mut body = lesson(&chapter(2, 8));
    body["topic"] = json!("AI Selection");
    let answer = system.http.post(api.url("/api/v1/flashcards")).json(&body).send().await.unwrap();
    let id = answer.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned();
    let job = system.end_of(&api, &id).await;
    assert_eq!(job["state"], "completed", "{job}");
    assert_good_cards(cards(&job));
    assert!(system.simulator.calls_of(&id).len() > 1);
    let mut topics = std::collections::BTreeMap::new();
    for card in cards(&job) {
        *topics.entry(card["topic"].as_str().unwrap()).or_insert(0) += 1;
    }
    assert!((3..=8).contains(&topics.len()) && topics.values().all(|cards| *cards >= 5), "{topics:?}");
}

#[tokio::test]
async fn the_app_of_today_is_served_by_polling_and_by_waiting() {
    let system = System::new().await;
    let (api, _worker) = (system.api().await, system.worker("a").await);
    let post = |path: &str, text: &str| system.http.post(api.url(path)).json(&legacy(text)).send();

    let accepted: Value = post("/api/ai/generate-flashcards", &chapter(3, 2)).await.unwrap().json().await.unwrap();
    assert_eq!((&accepted["success"], &accepted["status"]), (&json!(true), &json!("queued")));
    let id = accepted["jobId"].as_str().unwrap();
    assert_eq!(accepted["statusUrl"], format!("/api/job-status/{id}"));
    system.end_of(&api, id).await;
    let status = |user: Option<&'static str>| {
        let request = system.http.get(api.url(accepted["statusUrl"].as_str().unwrap()));
        user.map_or(request.try_clone().unwrap(), |user| request.header("user-id", user)).send()
    };
    let mine: Value = status(Some("ada")).await.unwrap().json().await.unwrap();
    assert_eq!((&mine["status"], &mine["queue"], &mine["jobId"]), (&json!("completed"), &json!("ai-jobs"), &json!(id)));
    assert_good_cards(mine["result"]["flashcards"].as_array().unwrap());
    assert!(mine["completedAt"].as_u64() >= mine["timestamp"].as_u64());
    let possessed: Value = status(None).await.unwrap().json().await.unwrap();
    assert_eq!(possessed["status"], "completed");
    let foreign: Value = status(Some("eve")).await.unwrap().json().await.unwrap();
    assert_eq!(foreign["status"], "not_found");

    let held = post("/api/ai/generate-flashcards?wait=60", &chapter(4, 2)).await.unwrap();
    assert_eq!(held.status(), 200);
    let held: Value = held.json().await.unwrap();
    assert_good_cards(held["flashcards"].as_array().unwrap());
}

#[tokio::test]
async fn waiting_clients_cost_redis_nothing_while_they_wait() {
    const WAITING: usize = 50;
    let system = System::new().await;
    let api = system.api().await;
    let id = system.submit(&api, &chapter(5, 2)).await;
    let subscribers = format!("{}:events:{id}", system.keys.root());
    let mut waiting = JoinSet::new();
    for _ in 0..WAITING {
        waiting.spawn(system.http.get(api.url(&format!("/api/v1/jobs/{id}?wait=60"))).send());
    }
    // One subscription for all of them.
    while system.raw::<(String, i64)>(&["PUBSUB", "NUMSUB", &subscribers]).await.1 == 0 {}
    let _worker = system.worker("a").await;
    while let Some(request) = waiting.join_next().await {
        let job: Value = request.unwrap().unwrap().json().await.unwrap();
        assert_eq!(job["state"], "completed");
    }
    let stats: String = system.raw(&["INFO", "commandstats"]).await;
    let reads: usize = stats
        .lines()
        .find_map(|line| line.strip_prefix("cmdstat_hmget:calls=")?.split(',').next()?.parse().ok())
        .unwrap();
    // Each reads the job when it comes, when it is subscribed and when the job has ended; scripts read some forty times.
    assert!(reads <= 3 * WAITING + 60, "{reads} reads");
}
