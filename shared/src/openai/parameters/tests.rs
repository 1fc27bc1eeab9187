//! Refusals as providers word them, and what the fleet makes of them.

use http::StatusCode;
use serde_json::{Value, json};

use super::{
    CallParameters, CapName, Effort, Learned, Next, Parameter, ParameterStore, Refusal, forget_parameters,
    learned_parameters, next,
};
use crate::{limiter::Group, redis::Keys, testing::TestRedis};

const CAP: u32 = 4_096;
const PROMPT: u32 = 900;

fn sent() -> CallParameters {
    CallParameters {
        cap_name: Some(CapName::MaxCompletionTokens),
        cap_limit: None,
        effort: Some(Effort::None),
        temperature: Some(0.2),
        response_format: true,
        no_cache_writes: true,
        learned: Learned::default(),
    }
}

fn read(status: u16, body: &Value) -> Option<Refusal> {
    let status = StatusCode::from_u16(status).unwrap();
    Refusal::read(status, body.to_string().as_bytes(), (&sent(), CAP), |text| text.contains("a learner"))
}

fn openai(param: impl Into<Value>, code: impl Into<Value>, message: &str) -> Value {
    json!({"error": {"message": message, "type": "invalid_request_error", "param": param.into(), "code": code.into()}})
}

fn said(message: &str) -> Value {
    openai(Value::Null, Value::Null, message)
}

/// The answer of a file in `tests/cases/upstreams`.
fn case(text: &str) -> Option<Refusal> {
    let case: Value = serde_json::from_str(text).unwrap();
    read(u16::try_from(case["status"].as_u64().unwrap()).unwrap(), &case["body"])
}

#[test]
fn a_parameter_that_is_not_accepted_is_named() {
    use Parameter::{CapName, Effort, ResponseFormat, Temperature};
    let unsupported = |parameter| Some(Refusal::Unsupported(parameter));
    let temperature = case(include_str!("../../../../tests/cases/upstreams/gpt6-temperature-400.json"));
    assert_eq!(temperature, unsupported(Temperature));
    let mistral = case(include_str!("../../../../tests/cases/upstreams/mistral-422.json"));
    assert_eq!(mistral, unsupported(CapName));
    for (body, parameter) in [
        (said("Unrecognized request argument supplied: max_completion_tokens"), CapName),
        (said("Unrecognized request argument supplied: reasoning_effort"), Effort),
        (said("reasoning_effort is not supported with this model"), Effort),
        (said("\"llama3.2\" does not support thinking"), Effort),
        (openai("temperature", Value::Null, "no"), Temperature),
        (openai("response_format.json_schema", "invalid_json_schema", "Invalid schema"), ResponseFormat),
        (said("This model does not support response format `json_schema`. See the docs"), ResponseFormat),
        (
            json!({"error": {"code": "BadRequest",
            "message": "response_format value as json_schema is enabled only for api versions 2024-08-01-preview"}}),
            ResponseFormat,
        ),
        (
            json!([{"error": {"code": 400, "status": "INVALID_ARGUMENT",
            "message": "Invalid JSON payload received. Unknown name \"reasoning_effort\": Cannot find field."}}]),
            Effort,
        ),
        (
            json!({"detail": [{"type": "extra_forbidden", "loc": ["body", "temperature"], "msg": "Extra", "input": 1}]}),
            Temperature,
        ),
        (
            json!({"error": {"code": 400, "message": "Provider returned error", "metadata": {
                "raw": said("Unrecognized request argument supplied: reasoning_effort").to_string()}}}),
            Effort,
        ),
    ] {
        assert_eq!(read(400, &body), unsupported(parameter), "{body}");
    }
}

#[test]
fn a_refused_value_is_told_from_a_refused_parameter() {
    let supported = "Unsupported value: 'reasoning_effort' does not support 'none' with this model. Supported values \
                     are: 'low', 'medium', and 'high'.";
    for (body, refusal) in [
        (
            openai("reasoning_effort", "unsupported_value", supported),
            Refusal::EffortValue(vec![Effort::Low, Effort::Medium, Effort::High]),
        ),
        (openai("reasoning_effort", "unsupported_value", "no"), Refusal::EffortValue(Vec::new())),
        (said("`reasoning_effort` must be one of `none` or `default`"), Refusal::EffortValue(vec![Effort::None])),
        (
            said("invalid reasoning value: 'minimal' (must be \"high\", \"medium\", \"low\", or \"none\")"),
            Refusal::EffortValue(vec![Effort::None, Effort::Low, Effort::Medium, Effort::High]),
        ),
        (said("Budget 0 is invalid. This model only works in thinking mode."), Refusal::EffortValue(Vec::new())),
        (
            openai(
                "max_completion_tokens",
                "invalid_value",
                "max_tokens is too large: 4096. This model \
            supports at most 2048 completion tokens, whereas you provided 4096.",
            ),
            Refusal::CapTooLarge { maximum: Some(2_048) },
        ),
        (said("max_completion_tokens is too large"), Refusal::CapTooLarge { maximum: None }),
        (openai("max_tokens", Value::Null, "max_tokens is too large"), Refusal::CapTooLarge { maximum: None }),
        (
            said(
                "'max_tokens' or 'max_completion_tokens' is too large: 4096. This model's maximum context length is \
                  4096 tokens and your request has 1200 input tokens (4096 > 4096 - 1200).",
            ),
            Refusal::CapExceedsContext { room: Some(2_896) },
        ),
        (
            openai("max_completion_tokens", "context_length_exceeded", "too long"),
            Refusal::CapExceedsContext { room: None },
        ),
    ] {
        assert_eq!(read(400, &body), Some(refusal), "{body}");
    }
}

#[test]
fn what_names_no_parameter_of_ours_teaches_nothing() {
    assert_eq!(case(include_str!("../../../../tests/cases/upstreams/groq-json-validate-failed-400.json")), None);
    assert_eq!(case(include_str!("../../../../tests/cases/upstreams/retired-model-404.json")), None);
    let temperature = openai("temperature", "unsupported_value", "no");
    for status in [401, 403, 404, 413, 429, 500] {
        assert_eq!(read(status, &temperature), None, "{status}");
    }
    for body in [
        openai("model", Value::Null, "temperature is not supported with this model"),
        openai("messages", Value::Null, "too long for max_completion_tokens"),
        openai("messages[0].content", Value::Null, "bad"),
        openai("top_p", "unsupported_value", "no"),
        openai(Value::Null, "content_filter", "temperature"),
        said("cannot parse: a learner wrote of temperature"),
        said("max_tokens is not supported"),
        said("the_temperature is wrong"),
        json!("temperature"),
        json!({"error": {"message": {"input": "temperature"}}}),
    ] {
        assert_eq!(read(400, &body), None, "{body}");
    }
    assert_eq!(Refusal::read(StatusCode::BAD_REQUEST, b"<html>temperature", (&sent(), CAP), |_| false), None);
}

/// What the fleet knows after `changes`.
fn learned(changes: &[(&str, &str)]) -> Learned {
    Learned(changes.iter().map(|(field, value)| ((*field).to_owned(), (*value).to_owned())).collect())
}

fn next_of(refusal: &Refusal, sent: &CallParameters, known: &Learned) -> Next {
    next(refusal, sent, (CAP, PROMPT), known)
}

fn change(parameter: Parameter, field: &str) -> Next {
    Next::Change { parameter, field: field.to_owned() }
}

#[test]
fn the_cap_is_renamed_before_it_is_dropped() {
    let refusal = Refusal::Unsupported(Parameter::CapName);
    assert_eq!(next_of(&refusal, &sent(), &Learned::default()), change(Parameter::CapName, "1:max_tokens"));
    let known = learned(&[("output_cap_name", "1:max_tokens")]);
    let renamed = CallParameters { cap_name: Some(CapName::MaxTokens), ..sent() };
    assert_eq!(next_of(&refusal, &renamed, &known), change(Parameter::CapName, "2:dropped"));
    assert_eq!(known.cap_name(CapName::MaxCompletionTokens), Some(CapName::MaxTokens));
    let known = learned(&[("output_cap_name", "2:dropped")]);
    assert_eq!(known.cap_name(CapName::MaxCompletionTokens), None);
    assert_eq!(next_of(&refusal, &CallParameters { cap_name: None, ..sent() }, &known), Next::Nothing);
}

#[test]
fn an_effort_rises_step_by_step_or_to_the_lowest_that_is_listed() {
    let any = Refusal::EffortValue(Vec::new());
    assert_eq!(next_of(&any, &sent(), &Learned::default()), change(Parameter::Effort, "1:minimal"));
    let minimal = CallParameters { effort: Some(Effort::Minimal), ..sent() };
    let known = learned(&[("reasoning_effort", "1:minimal")]);
    assert_eq!(next_of(&any, &minimal, &known), change(Parameter::Effort, "2:low"));
    let listed = Refusal::EffortValue(vec![Effort::Medium, Effort::Low]);
    assert_eq!(next_of(&listed, &sent(), &Learned::default()), change(Parameter::Effort, "1:low"));
    let low = CallParameters { effort: Some(Effort::Low), ..sent() };
    assert_eq!(next_of(&any, &low, &Learned::default()), change(Parameter::Effort, "1:dropped"));
    // Twice, and no more.
    assert_eq!(next_of(&any, &low, &learned(&[("reasoning_effort", "2:low")])), Next::Nothing);
    assert_eq!(learned(&[("reasoning_effort", "1:dropped")]).effort(Some(Effort::Low)), None);
}

#[test]
fn a_smaller_cap_is_learned_when_it_is_stated_or_refused_twice() {
    let stated = |maximum| Refusal::CapTooLarge { maximum: Some(maximum) };
    assert_eq!(next_of(&stated(2_048), &sent(), &Learned::default()), change(Parameter::Cap, "1:2048"));
    // The smallest set of cards would not fit.
    assert_eq!(next_of(&stated(300), &sent(), &Learned::default()), Next::Nothing);
    let unstated = Refusal::CapTooLarge { maximum: None };
    let note = |length: &str| Next::Note { note: ("cap_refused", length.to_owned()), max_output_tokens: 2_048 };
    assert_eq!(next_of(&unstated, &sent(), &Learned::default()), note("900"));
    assert_eq!(next_of(&unstated, &sent(), &learned(&[("cap_refused", "900")])), note("900"), "the same job again");
    assert_eq!(next_of(&unstated, &sent(), &learned(&[("cap_refused", "300")])), change(Parameter::Cap, "1:2048"));
    assert_eq!(next(&unstated, &sent(), (600, PROMPT), &Learned::default()), Next::Nothing);
}

#[test]
fn what_depends_on_the_text_is_the_jobs_own() {
    let room = |room| Refusal::CapExceedsContext { room };
    assert_eq!(next_of(&room(Some(2_896)), &sent(), &Learned::default()), Next::OwnCap(2_896));
    for left in [None, Some(300)] {
        assert_eq!(next_of(&room(left), &sent(), &Learned::default()), Next::Nothing);
    }
}

#[tokio::test]
async fn many_refusals_at_once_are_one_adaptation_for_every_worker() {
    let redis = TestRedis::start().await.unwrap();
    let (keys, group) = (Keys::new("p"), Group::new("openai", "m"));
    let store =
        |base: &str| ParameterStore::new(redis.patient_pool(), keys.clone(), group.clone(), &base.parse().unwrap());
    let (one, two, elsewhere) =
        (store("https://a.test/v1"), store("https://a.test/v1/"), store("https://b.test/v1?key=secret"));
    let built = one.learned().await;
    assert_eq!((&built, built.revision()), (&Learned::default(), ""));

    let refusals = (0..20).map(|n| if n % 2 == 0 { &one } else { &two });
    let adapting = refusals.map(|store| store.adapt(&built, ("temperature", "1:dropped"), true));
    let outcomes: Vec<(bool, Learned)> =
        futures_util::future::join_all(adapting).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(outcomes.iter().filter(|(adapted, _)| *adapted).count(), 1);
    let known = two.read().await.unwrap();
    assert!(known.is_dropped(Parameter::Temperature) && known.revision() == "1", "{known:?}");
    assert!(outcomes.iter().all(|(_, learned)| *learned == known));

    // One that was built before teaches nothing about another parameter either; one built after it does.
    assert!(!one.adapt(&built, ("reasoning_effort", "1:low"), true).await.unwrap().0);
    let (adapted, known) = one.adapt(&known, ("reasoning_effort", "1:low"), true).await.unwrap();
    assert!(adapted && known.effort(None) == Some(Effort::Low), "{known:?}");
    // A note changes no call.
    let (noted, after) = one.adapt(&known, ("cap_refused", "900"), false).await.unwrap();
    assert!(noted && after.revision() == known.revision() && after.cap_refused() == Some(900));

    assert_eq!(elsewhere.read().await.unwrap(), Learned::default(), "another address");
    elsewhere.adapt(&Learned::default(), ("output_cap", "1:2048"), true).await.unwrap();
    let pool = redis.patient_pool();
    let shown = learned_parameters(&pool, &keys, &group).await.unwrap();
    let shown: Vec<Value> = shown.iter().map(|shown| serde_json::to_value(shown).unwrap()).collect();
    assert!(
        shown.contains(&json!({"host": "a.test",
            "parameters": {"reasoning_effort": "low", "temperature": "dropped"}}))
            && shown.contains(&json!({"host": "b.test", "parameters": {"output_cap": "2048"}})),
        "{shown:?}"
    );
    let mut ask = redis::pipe();
    ask.ttl(keys.parameters(&group));
    let (ttl,): (i64,) = pool.query(&ask).await.unwrap();
    assert!((86_000..=86_400).contains(&ttl), "{ttl}");

    assert!(forget_parameters(&pool, &keys, &group).await.unwrap());
    assert!(!forget_parameters(&pool, &keys, &group).await.unwrap());
    assert_eq!(one.read().await.unwrap(), Learned::default());
    // What was built before that is told so, and teaches nothing.
    assert!(!one.adapt(&known, ("temperature", "1:dropped"), true).await.unwrap().0);
}
