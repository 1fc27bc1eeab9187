//! Each provider accepts, refuses, counts and bills in its own way.

use serde_json::{Value, json};

use super::client::{http, json, request, start_with};
use crate::testing::simulator::{ProviderProfile, RunningSimulator, SimulatorConfig};

fn start(profile: ProviderProfile) -> RunningSimulator {
    start_with(SimulatorConfig { profile, ..SimulatorConfig::default() })
}

/// The address of `path` below the base, before its query.
fn below(simulator: &RunningSimulator, path: &str) -> String {
    let base = simulator.base_url();
    let (base, query) =
        base.split_once('?').map_or((base.as_str(), String::new()), |(base, query)| (base, format!("?{query}")));
    format!("{base}{path}{query}")
}

/// A call with the given fields changed; `null` removes one.
async fn call(simulator: &RunningSimulator, model: &str, changes: Value) -> (u16, Value) {
    let mut body = request(&json!({}), &json!({"model": model}));
    for (name, value) in changes.as_object().unwrap() {
        body[name] = value.clone();
    }
    body.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    let url = below(simulator, "/chat/completions");
    let answer = http().post(url).bearer_auth("key").header("api-key", "key").json(&body).send().await.unwrap();
    (answer.status().as_u16(), json(answer).await)
}

async fn refusal(profile: ProviderProfile, changes: Value) -> (u16, Value) {
    let simulator = start(profile);
    let (status, body) = call(&simulator, profile.model(), changes).await;
    assert_ne!(status, 200, "{body}");
    (status, body)
}

fn max_tokens(more: &Value) -> Value {
    let mut changes = json!({"max_completion_tokens": null, "max_tokens": 4096});
    for (name, value) in more.as_object().unwrap() {
        changes[name] = value.clone();
    }
    changes
}

#[tokio::test]
async fn an_ordinary_call_is_answered_with_the_providers_usage() {
    for profile in ProviderProfile::PROVIDERS {
        let changes = match profile {
            ProviderProfile::Mistral | ProviderProfile::AzureClassic | ProviderProfile::Ollama => {
                max_tokens(&json!({}))
            }
            ProviderProfile::Groq => json!({"response_format": null}),
            _ => json!({}),
        };
        let simulator = start(profile);
        let (status, body) = call(&simulator, profile.model(), changes).await;
        assert_eq!(status, 200, "{profile:?}: {body}");
        let usage = &body["usage"];
        assert!(usage["prompt_tokens"].as_u64().unwrap() > 0 && usage["total_tokens"].as_u64().unwrap() > 0, "{usage}");
        let bill = simulator.bill();
        assert_eq!(bill.calls, 1, "{profile:?}");
        let free = matches!(profile, ProviderProfile::Ollama | ProviderProfile::Vllm);
        assert_eq!(bill.usd > 0.0, !free, "{profile:?}: {bill:?}");
        if profile == ProviderProfile::Openrouter {
            assert!((usage["cost"].as_f64().unwrap() - bill.usd).abs() < 1e-12);
        }
    }
}

#[tokio::test]
async fn refusals_are_worded_as_documented() {
    let case = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let changes = json!({"temperature": 0.2, "reasoning_effort": "low"});
    let temperature = case(include_str!("../../../../../tests/cases/upstreams/gpt6-temperature-400.json"));
    assert_eq!(refusal(ProviderProfile::OpenaiReasoning, changes).await, (400, temperature["body"].clone()));
    let mistral = case(include_str!("../../../../../tests/cases/upstreams/mistral-422.json"));
    assert_eq!(refusal(ProviderProfile::Mistral, json!({})).await, (422, mistral["body"].clone()));

    for (profile, changes, pointer, value) in [
        (ProviderProfile::OpenaiReasoning, max_tokens(&json!({})), "/error/code", json!("unsupported_parameter")),
        (
            ProviderProfile::OpenaiReasoning,
            json!({"reasoning_effort": "minimal"}),
            "/error/param",
            json!("reasoning_effort"),
        ),
        (ProviderProfile::OpenaiReasoning, json!({"max_tokens": 5}), "/error/param", json!("max_tokens")),
        (ProviderProfile::OpenaiReasoning, json!({"model": "o1"}), "/error/code", json!("model_not_found")),
        (ProviderProfile::OpenaiClassic, json!({"max_tokens": 5}), "/error/param", json!("max_tokens")),
        (ProviderProfile::OpenaiClassic, json!({"reasoning_effort": "none"}), "/error/param", Value::Null),
        (
            ProviderProfile::OpenaiClassic,
            json!({"max_completion_tokens": 99_999}),
            "/error/code",
            json!("invalid_value"),
        ),
        (ProviderProfile::OpenaiClassic, json!({"bogus": 1}), "/error/code", json!("unknown_parameter")),
        (ProviderProfile::AzureV1, max_tokens(&json!({})), "/error/param", json!("max_tokens")),
        (ProviderProfile::AzureClassic, json!({}), "/error/param", Value::Null),
        (ProviderProfile::Openrouter, json!({"model": "m"}), "/error/code", json!(400)),
        (ProviderProfile::Groq, json!({}), "/error/param", json!("response_format")),
        (ProviderProfile::Gemini, json!({"bogus": 1}), "/0/error/status", json!("INVALID_ARGUMENT")),
        (
            ProviderProfile::Ollama,
            json!({"reasoning_effort": "minimal"}),
            "/error/type",
            json!("invalid_request_error"),
        ),
        (ProviderProfile::Ollama, json!({"model": "gpt-4o"}), "/error/type", json!("not_found_error")),
        (ProviderProfile::Vllm, json!({"max_tokens": null, "max_completion_tokens": 8_100}), "/error/code", json!(400)),
    ] {
        let (_, body) = refusal(profile, changes).await;
        assert_eq!(body.pointer(pointer), Some(&value), "{profile:?}: {body}");
    }
}

#[tokio::test]
async fn caches_and_tiers_are_counted_and_billed() {
    let simulator = start(ProviderProfile::OpenaiReasoning);
    let long = "A leaf is green. ".repeat(400);
    let messages = json!([{"role": "user", "content": long}]);
    let ask = async |more: Value| {
        let mut changes = json!({"messages": messages, "reasoning_effort": "none"});
        changes.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let before = simulator.bill().usd;
        let (_, body) = call(&simulator, "gpt-6-luna", changes).await;
        (body, simulator.bill().usd - before)
    };
    let (first, written) = ask(json!({})).await;
    assert_eq!(first["usage"]["prompt_tokens_details"]["cache_write_tokens"], 1_024);
    let (second, cached) = ask(json!({})).await;
    assert_eq!(second["usage"]["prompt_tokens_details"]["cached_tokens"], 1_024);
    let (flex, half) = ask(json!({"service_tier": "flex"})).await;
    assert_eq!(flex["service_tier"], "flex");
    assert!(written > cached && (half * 2.0 - cached).abs() < 1e-12, "{written} {cached} {half}");
    assert_eq!((simulator.bill().cached_tokens, simulator.bill().cache_write_tokens), (2_048, 1_024));

    let other = json!([{"role": "user", "content": "A stem is brown. ".repeat(400)}]);
    let explicit = json!({"messages": other, "prompt_cache_options": {"mode": "explicit"}});
    assert_eq!(ask(explicit).await.0["usage"]["prompt_tokens_details"]["cache_write_tokens"], 0);
}

#[tokio::test]
async fn thoughts_count_against_the_cap() {
    let simulator = start(ProviderProfile::OpenaiReasoning);
    let changes = json!({"reasoning_effort": "high", "max_completion_tokens": 1_000});
    let (_, body) = call(&simulator, "gpt-6-luna", changes).await;
    let choice = &body["choices"][0];
    assert_eq!((&choice["finish_reason"], &choice["message"]["content"]), (&json!("length"), &json!("")), "{body}");
    assert_eq!(body["usage"]["completion_tokens_details"]["reasoning_tokens"], 1_000);
}

#[tokio::test]
async fn a_schema_in_the_prompt_is_kept() {
    let simulator = start(ProviderProfile::Groq);
    let with = request(&json!({}), &json!({}));
    let system = format!("Fit this JSON Schema:\n{}", with["response_format"]["json_schema"]["schema"]);
    let mut messages = with["messages"].clone();
    messages[0]["content"] = json!(system);
    let (_, body) = call(&simulator, "llama-3.3", json!({"response_format": null, "messages": messages})).await;
    assert!(super::client::cards(&body).len() >= 10);
}

#[tokio::test]
async fn models_are_described_where_the_provider_does_it() {
    for (profile, name, status, pointer, value) in [
        (ProviderProfile::OpenaiClassic, "gpt-4o-mini", 200, "/shutdown_date", json!("2027-01-14")),
        (ProviderProfile::OpenaiReasoning, "gpt-6-luna", 200, "/id", json!("gpt-6-luna")),
        (ProviderProfile::OpenaiReasoning, "o4-mini", 404, "/error/code", json!("model_not_found")),
        (ProviderProfile::AzureV1, "cards", 200, "/object", json!("model")),
        (ProviderProfile::AzureClassic, "cards", 404, "/error/code", json!("404")),
        (ProviderProfile::Openrouter, "openai/gpt-6-luna", 404, "/error/code", json!(404)),
        (ProviderProfile::Mistral, "mistral-small-latest", 200, "/deprecation", Value::Null),
        (ProviderProfile::Groq, "llama-3.3", 200, "/active", json!(true)),
        (ProviderProfile::Gemini, "gemini-2.5-flash", 200, "/owned_by", json!("google")),
        (ProviderProfile::Gemini, "m", 404, "/0/error/status", json!("NOT_FOUND")),
        (ProviderProfile::Ollama, "qwen3:4b", 200, "/owned_by", json!("library")),
        (ProviderProfile::Vllm, "Qwen/Qwen3-8B", 404, "/detail", json!("Not Found")),
    ] {
        let simulator = start(profile);
        let url = below(&simulator, &format!("/models/{name}"));
        let answer = http().get(url).bearer_auth("key").header("api-key", "key").send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{profile:?} {name}");
        assert_eq!(json(answer).await.pointer(pointer), Some(&value), "{profile:?} {name}");
    }
}

#[tokio::test]
async fn keys_go_where_the_provider_reads_them() {
    for (profile, header, status) in [
        (ProviderProfile::OpenaiReasoning, ("authorization", "Bearer k"), 200),
        (ProviderProfile::OpenaiReasoning, ("api-key", "k"), 401),
        (ProviderProfile::AzureV1, ("authorization", "Bearer k"), 200),
        (ProviderProfile::AzureV1, ("api-key", "k"), 200),
        (ProviderProfile::AzureClassic, ("authorization", "Bearer k"), 401),
        (ProviderProfile::AzureClassic, ("authorization", "Bearer eyJ0.a.b"), 400),
        (ProviderProfile::AzureClassic, ("api-key", "k"), 400),
        (ProviderProfile::Gemini, ("authorization", "Bearer sk-openai"), 400),
        (ProviderProfile::Vllm, ("x-none", ""), 200),
    ] {
        let simulator = start(profile);
        let body = request(&json!({}), &json!({"model": profile.model()}));
        let url = below(&simulator, "/chat/completions");
        let answer = http().post(url).header(header.0, header.1).json(&body).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{profile:?} {header:?}");
    }
    let simulator = start(ProviderProfile::AzureClassic);
    let url = format!("{}/openai/deployments/cards/chat/completions", simulator.control_url());
    assert_eq!(http().post(url).header("api-key", "k").json(&json!({})).send().await.unwrap().status(), 404);
}
