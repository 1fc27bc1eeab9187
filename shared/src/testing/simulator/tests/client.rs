//! A client that knows nothing but HTTP.

use serde_json::{Value, json};

use crate::testing::simulator::{RunningSimulator, Simulator, SimulatorConfig};

/// Four sentences with more than ten different terms.
pub(super) const TEXT: &str = "A chloroplast is full of chlorophyll, the pigment that makes plants look green. \
    Chlorophyll absorbs red and blue light, but it reflects green light. The plant uses this energy to split water into \
    hydrogen and oxygen. The energy of the sunlight is stored in the glucose.";

pub(super) fn start() -> RunningSimulator {
    start_with(SimulatorConfig::default())
}

pub(super) fn start_with(config: SimulatorConfig) -> RunningSimulator {
    Simulator::start(config).unwrap()
}

pub(super) fn http() -> reqwest::Client {
    crate::tls::install();
    reqwest::Client::new()
}

/// What our worker sends, with the given fields changed.
pub(super) fn request(prompt: &Value, changes: &Value) -> Value {
    let mut lesson = json!({"subject": "Biology", "topic": "Leaves", "target_language": "English",
        "native_language": "German", "min_cards": 10, "max_cards": 12, "min_topics": null, "max_topics": null,
        "cards_per_topic": null, "avoid_fronts": [], "text": TEXT});
    merge(&mut lesson, prompt);
    let text = json!({"type": "string"});
    let card = json!({"type": "object", "additionalProperties": false,
        "required": ["front", "back", "topic", "difficulty", "example", "pronunciation"],
        "properties": {"front": text, "back": text, "topic": text, "example": text,
            "difficulty": {"type": "string", "enum": ["beginner", "intermediate", "expert"]},
            "pronunciation": {"type": ["string", "null"]}}});
    let mut request = json!({"model": "gpt-4o-mini", "max_completion_tokens": 4096,
        "messages": [{"role": "system", "content": "Make cards."}, {"role": "user", "content": lesson.to_string()}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "cards", "strict": true, "schema": {
            "type": "object", "additionalProperties": false, "required": ["cards"],
            "properties": {"cards": {"type": "array", "items": card}}}}}});
    merge(&mut request, changes);
    request
}

fn merge(into: &mut Value, changes: &Value) {
    for (name, value) in changes.as_object().unwrap() {
        into[name] = value.clone();
    }
}

/// One call of a job.
pub(super) fn post(simulator: &RunningSimulator, request_id: &str, body: &Value) -> reqwest::RequestBuilder {
    http()
        .post(format!("{}/chat/completions", simulator.base_url()))
        .bearer_auth("key")
        .header("x-client-request-id", request_id)
        .json(body)
}

/// One ordinary call.
pub(super) async fn call(simulator: &RunningSimulator, request_id: &str) -> reqwest::Response {
    post(simulator, request_id, &request(&json!({}), &json!({}))).send().await.unwrap()
}

pub(super) async fn json(response: reqwest::Response) -> Value {
    response.json().await.unwrap()
}

/// The cards of an answer.
pub(super) fn cards(completion: &Value) -> Vec<Value> {
    let content = completion["choices"][0]["message"]["content"].as_str().unwrap();
    serde_json::from_str::<Value>(content).unwrap()["cards"].as_array().unwrap().clone()
}

pub(super) fn header<'r>(response: &'r reqwest::Response, name: &str) -> Option<&'r str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}
