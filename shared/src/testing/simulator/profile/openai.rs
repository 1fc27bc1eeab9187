//! What OpenAI's models have in common, and Azure's with them.
//!
//! <https://platform.openai.com/docs/api-reference/chat/create>

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{
    super::{
        api_error::ApiError,
        bill::{Price, Use},
    },
    CallBody, bad, fields,
};

/// The parameters of a chat completion.
const KNOWN: [&str; 33] = [
    "model",
    "messages",
    "audio",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "metadata",
    "modalities",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
];

/// Models that were shut down, and those that will be, with the date.
/// <https://platform.openai.com/docs/deprecations>
const SHUT_DOWN: [&str; 4] = ["gpt-4.1-nano", "o1", "o3-mini", "o4-mini"];
const SHUTDOWN_DATES: [(&str, &str); 8] = [
    ("gpt-4o-mini", "2027-01-14"),
    ("gpt-4o", "2027-01-14"),
    ("gpt-4.1", "2027-01-14"),
    ("gpt-4.1-mini", "2027-01-14"),
    ("gpt-5", "2026-12-11"),
    ("gpt-5-mini", "2026-12-11"),
    ("gpt-5-nano", "2026-12-11"),
    ("o3", "2026-12-11"),
];

/// Micro-dollars per million tokens: input, cached read, cache write, output.
/// <https://platform.openai.com/docs/pricing>
const PRICES: [(&str, Price); 11] = [
    ("gpt-6-luna", Price::new(100_000, 10_000, 125_000, 500_000)),
    ("gpt-6-sol", Price::new(2_000_000, 200_000, 2_500_000, 10_000_000)),
    ("gpt-6.1-sol", Price::new(2_000_000, 200_000, 2_500_000, 10_000_000)),
    ("gpt-6.1-terra", Price::new(1_000_000, 100_000, 1_250_000, 5_000_000)),
    ("gpt-5.6-luna", Price::new(200_000, 20_000, 250_000, 1_200_000)),
    ("gpt-5.6-terra", Price::new(2_000_000, 200_000, 2_500_000, 12_000_000)),
    ("gpt-4o-mini", Price::new(150_000, 75_000, 150_000, 600_000)),
    ("gpt-4o", Price::new(2_500_000, 1_250_000, 2_500_000, 10_000_000)),
    ("gpt-4.1", Price::new(2_000_000, 500_000, 2_000_000, 8_000_000)),
    ("gpt-4.1-mini", Price::new(400_000, 100_000, 400_000, 1_600_000)),
    ("gpt-5-mini", Price::new(250_000, 25_000, 250_000, 2_000_000)),
];

/// Most output tokens of the classic models.
const CLASSIC_MAX: u64 = 16_384;
/// Most output tokens of the reasoning models.
const REASONING_MAX: u64 = 128_000;
const EFFORTS: [&str; 6] = ["none", "minimal", "low", "medium", "high", "xhigh"];

/// The model without the date of its snapshot and without a gateway's prefix.
pub(super) fn base_name(model: &str) -> &str {
    let name = model.rsplit('/').next().unwrap_or(model);
    let dated = name.match_indices("-20").map(|(at, _)| at).find(|at| name[at + 1..].len() >= 10);
    dated.map_or(name, |at| &name[..at])
}

/// What a million tokens cost; a model without a price is free.
pub(super) fn price(model: &str) -> Price {
    let name = base_name(model);
    PRICES.iter().find(|(known, _)| *known == name).map_or(Price::FREE, |(_, price)| *price)
}

/// Whether the model thinks.
pub(super) fn thinks(model: &str) -> bool {
    let name = base_name(model);
    let o_series = name.strip_prefix('o').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let version = name.strip_prefix("gpt-").and_then(|rest| rest.chars().next()).and_then(|c| c.to_digit(10));
    o_series || version.is_some_and(|version| version >= 5)
}

/// Refuses a model that is not served.
pub(super) fn check_model(model: &str, served: bool) -> Result<(), ApiError> {
    if SHUT_DOWN.contains(&base_name(model)) {
        let message = format!(
            "The model `{model}` has been deprecated, learn more here: https://platform.openai.com/docs/deprecations"
        );
        return Err(ApiError::invalid(StatusCode::NOT_FOUND, message).code("model_not_found"));
    }
    if !served {
        let message = format!("The model `{model}` does not exist or you do not have access to it.");
        return Err(ApiError::invalid(StatusCode::NOT_FOUND, message).code("model_not_found"));
    }
    Ok(())
}

fn check_known(call: &CallBody<'_>) -> Result<(), ApiError> {
    if let Some(name) = call.unknown(&KNOWN) {
        return Err(bad(format!("Unknown parameter: '{name}'.")).param(name).code("unknown_parameter"));
    }
    if call.get("max_tokens").is_some() && call.get("max_completion_tokens").is_some() {
        let message = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.";
        return Err(bad(message).param("max_tokens").code("invalid_parameter_combination"));
    }
    Ok(())
}

fn check_cap(call: &CallBody<'_>, most: u64) -> Result<(), ApiError> {
    for name in ["max_completion_tokens", "max_tokens"] {
        if let Some(cap) = call.cap(name).filter(|cap| *cap > most) {
            let message = format!(
                "{name} is too large: {cap}. This model supports at most {most} completion tokens, whereas you provided {cap}."
            );
            return Err(bad(message).param(name).code("invalid_value"));
        }
    }
    Ok(())
}

/// The rules of models that don't think.
pub(super) fn check_classic(call: &CallBody<'_>) -> Result<(), ApiError> {
    check_known(call)?;
    if call.get("reasoning_effort").is_some() {
        return Err(bad("Unrecognized request argument supplied: reasoning_effort"));
    }
    check_cap(call, CLASSIC_MAX)
}

/// The rules of models that think.
pub(super) fn check_reasoning(call: &CallBody<'_>, model: &str) -> Result<(), ApiError> {
    check_known(call)?;
    if call.get("max_tokens").is_some() {
        let message = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.";
        return Err(bad(message).param("max_tokens").code("unsupported_parameter"));
    }
    let accepted = efforts(model);
    if let Some(effort) = call.text("reasoning_effort")
        && !accepted.contains(&effort)
    {
        let list: Vec<String> = accepted.iter().map(|effort| format!("'{effort}'")).collect();
        let message = format!(
            "Unsupported value: 'reasoning_effort' does not support '{effort}' with this model. Supported values are: {}.",
            list.join(", ")
        );
        return Err(bad(message).param("reasoning_effort").code("unsupported_value"));
    }
    if effort(call) != "none" {
        for name in ["temperature", "top_p"] {
            if let Some(value) = call.get(name).and_then(Value::as_f64).filter(|value| (*value - 1.0).abs() > 1e-9) {
                let message = format!(
                    "Unsupported value: '{name}' does not support {value} with this model. Only the default (1) value is supported."
                );
                return Err(bad(message).param(name).code("unsupported_value"));
            }
        }
    }
    check_cap(call, REASONING_MAX)
}

fn efforts(model: &str) -> &'static [&'static str] {
    let name = base_name(model);
    match name {
        "gpt-5" | "gpt-5-mini" | "gpt-5-nano" => &EFFORTS[1..5],
        "gpt-6.1-sol" | "gpt-6-astra" | "gpt-6-sol" => &EFFORTS[2..],
        _ if name.starts_with('o') => &EFFORTS[2..5],
        _ => &["none", "low", "medium", "high", "xhigh"],
    }
}

fn effort<'a>(call: &'a CallBody<'_>) -> &'a str {
    call.text("reasoning_effort").unwrap_or("medium")
}

/// Tokens that a model thinks at the effort of the call.
pub(super) fn reasoning_tokens(call: &CallBody<'_>) -> u32 {
    match effort(call) {
        "none" => 0,
        "minimal" => 32,
        "low" => 128,
        "medium" => 512,
        _ => 2_048,
    }
}

/// The tier that serves the call.
pub(super) fn tier(call: &CallBody<'_>) -> &'static str {
    match call.text("service_tier") {
        Some("flex") => "flex",
        Some("priority") => "priority",
        _ => "default",
    }
}

/// `usage` with its details.
pub(super) fn usage(used: &Use) -> Value {
    json!({
        "prompt_tokens": used.prompt,
        "completion_tokens": used.completion,
        "total_tokens": used.prompt.saturating_add(used.completion),
        "prompt_tokens_details": {
            "cached_tokens": used.cached, "cache_write_tokens": used.cache_write, "audio_tokens": 0,
        },
        "completion_tokens_details": {
            "reasoning_tokens": used.reasoning, "audio_tokens": 0, "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    })
}

/// More fields of an answer, and of its message.
pub(super) fn extras(tier: Option<&str>) -> (Map<String, Value>, Map<String, Value>) {
    (fields(json!({"service_tier": tier})), fields(json!({"annotations": []})))
}

/// `GET /v1/models/<name>`.
pub(super) fn model(name: &str, served: bool) -> Result<Value, ApiError> {
    check_model(name, served)?;
    let mut model = json!({"id": name, "object": "model", "created": 1_715_367_049, "owned_by": "system"});
    if let Some((_, date)) = SHUTDOWN_DATES.iter().find(|(known, _)| *known == base_name(name)) {
        model["shutdown_date"] = json!(date);
    }
    Ok(model)
}

/// Whether answers tell of, and charge for, what is written into the cache: from GPT-5.6 on, unless the
/// call says otherwise.
pub(super) fn writes_cache(call: &CallBody<'_>) -> bool {
    let explicit = call.get("prompt_cache_options").and_then(|options| options.get("mode")) == Some(&json!("explicit"));
    let name = base_name(call.model);
    !explicit && ["gpt-5.6", "gpt-6"].iter().any(|since| name.starts_with(since))
}
