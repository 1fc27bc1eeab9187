//! What a call is answered with.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::client::{TEXT, call, cards, http, json, post, request, start};

#[tokio::test]
async fn cards_keep_the_schema_and_our_rules() {
    let simulator = start();
    let completion = json(call(&simulator, "job.1.1").await).await;
    let cards = cards(&completion);
    assert!((10..=12).contains(&cards.len()), "{} cards", cards.len());
    let mut fronts = HashSet::new();
    for card in &cards {
        let text = |name: &str| card[name].as_str().unwrap();
        assert!(text("example").contains(text("front")) && TEXT.contains(text("example")), "{card}");
        assert!(fronts.insert(text("front").to_lowercase()), "twice: {card}");
        assert_eq!((text("topic"), card.as_object().unwrap().len()), ("Leaves", 6));
        assert!(["beginner", "intermediate", "expert"].contains(&text("difficulty")));
    }
    let chlorophyll = cards.iter().find(|card| card["front"] == "chlorophyll").unwrap();
    assert_eq!((&chlorophyll["back"], &chlorophyll["pronunciation"]), (&json!("Chlorophyll"), &json!("/ˈklɒrəfɪl/")));
}

#[tokio::test]
async fn the_envelope_is_openais() {
    let simulator = start();
    let body = request(&json!({}), &json!({}));
    let mut completion = json(post(&simulator, "a.1.1", &body).send().await.unwrap()).await;
    let again = json(post(&simulator, "b.1.1", &body).send().await.unwrap()).await;
    assert_eq!(completion["choices"], again["choices"], "the same request has the same answer");
    let message = completion["choices"][0]["message"].take();
    let prompt: usize = body["messages"].as_array().unwrap().iter().map(|m| m["content"].as_str().unwrap().len()).sum();
    let (prompt, content) = (prompt.div_ceil(4), message["content"].as_str().unwrap().len().div_ceil(4));
    assert!(completion["created"].as_u64().unwrap() > 1_700_000_000);
    completion["created"].take();
    let expected = json!({"id": "chatcmpl-sim00000000", "object": "chat.completion", "created": null,
        "model": "gpt-4o-mini", "system_fingerprint": "fp_simulator",
        "choices": [{"index": 0, "message": null, "logprobs": null, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": prompt, "completion_tokens": content, "total_tokens": prompt + content}});
    assert_eq!(completion, expected);
    assert_eq!((&message["role"], &message["refusal"]), (&json!("assistant"), &Value::Null));
    let arrival = &simulator.calls_of("a")[0];
    assert_eq!(arrival.reserved_tokens as usize, prompt + 4_096);
    assert_eq!((arrival.used_tokens as usize, arrival.status), (prompt + content, 200));
}

#[tokio::test]
async fn ai_selection_spreads_the_cards_over_its_topics() {
    let simulator = start();
    let prompt = json!({"topic": "AI Selection", "min_topics": 3, "max_topics": 8, "cards_per_topic": 5,
        "max_cards": 40, "avoid_fronts": ["Glucose"]});
    let body = request(&prompt, &json!({}));
    let cards = cards(&json(post(&simulator, "a.1.1", &body).send().await.unwrap()).await);
    let topics: HashSet<&str> = cards.iter().map(|card| card["topic"].as_str().unwrap()).collect();
    assert_eq!(topics.len(), 3, "{topics:?}");
    for topic in topics {
        assert!(cards.iter().filter(|card| card["topic"] == topic).count() >= 5, "{topic}");
    }
    assert!(!cards.iter().any(|card| card["front"].as_str().unwrap().eq_ignore_ascii_case("glucose")));
}

#[tokio::test]
async fn an_answer_ends_at_its_maximum() {
    let simulator = start();
    let body = request(&json!({}), &json!({"max_completion_tokens": 10}));
    let completion = json(post(&simulator, "a.1.1", &body).send().await.unwrap()).await;
    assert_eq!(completion["choices"][0]["finish_reason"], "length");
    assert_eq!(completion["usage"]["completion_tokens"], 10);
}

#[tokio::test]
async fn a_stream_says_the_same_in_pieces() {
    let simulator = start();
    let whole = json(call(&simulator, "a.1.1").await).await;
    let body = request(&json!({}), &json!({"stream": true, "stream_options": {"include_usage": true}}));
    let stream = post(&simulator, "b.1.1", &body).send().await.unwrap().text().await.unwrap();
    let mut events: Vec<&str> = stream.split_terminator("\n\n").collect();
    assert_eq!(events.pop(), Some("data: [DONE]"));
    let chunks: Vec<Value> =
        events.iter().map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap()).collect();
    let pieces = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str());
    assert_eq!(json!(pieces.collect::<String>()), whole["choices"][0]["message"]["content"]);
    assert_eq!(chunks[chunks.len() - 2]["choices"][0]["finish_reason"], "stop");
    assert_eq!(chunks[chunks.len() - 1]["usage"], whole["usage"]);
}

#[tokio::test]
async fn a_key_is_needed_and_a_request_must_be_one() {
    let simulator = start();
    let url = format!("{}/chat/completions", simulator.base_url());
    let response = http().post(&url).body("{}").send().await.unwrap();
    assert_eq!(response.status(), 401);
    assert_eq!(json(response).await["error"]["type"], "invalid_request_error");
    let response = http().post(&url).bearer_auth("key").body("{").send().await.unwrap();
    assert_eq!(response.status(), 400);
    let response = http().get(format!("{}/models", simulator.base_url())).send().await.unwrap();
    assert_eq!(response.status(), 404);
    let statuses: Vec<u16> = simulator.arrivals().iter().map(|arrival| arrival.status).collect();
    assert_eq!(statuses, [401, 400]);
}
