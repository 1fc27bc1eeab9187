//! What came back, and whether it can be used.

use std::time::Duration;

use serde_json::Value;

use crate::tokens;

use super::{ChatRequest, OpenAiError, RateHeaders, Usage, error_body::shorten, error_in_answer};

/// An answer that is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatAnswer {
    /// What the model wrote.
    pub content: String,
    /// What it cost.
    pub usage: Usage,
    /// Tokens that the model thought before it wrote, as far as that is known.
    pub thoughts: u32,
    /// The provider's view of its limits.
    pub rate: RateHeaders,
}

/// The texts of a message.
#[derive(Debug, Default)]
struct Written {
    content: String,
    reasoning: String,
    refusal: String,
}

/// Reads an answer with status 200. Only the text is required: a paid answer must not be lost
/// because a compatible server omits a field or writes it differently. Usage is read before the
/// answer is judged, so that refusals are charged, too.
///
/// <https://platform.openai.com/docs/api-reference/chat/object>
pub(super) fn read(
    request: &ChatRequest,
    body: &[u8],
    (wait, rate): (Option<Duration>, RateHeaders),
) -> Result<ChatAnswer, OpenAiError> {
    let text = String::from_utf8_lossy(body);
    let malformed = |what| OpenAiError::Malformed { what };
    let body = serde_json::from_str(text.trim_start_matches('\u{feff}'));
    let unreadable = |_| {
        // A completion that broke off was paid for; a page of a proxy was not.
        let begun = text.trim_start().starts_with('{') && text.contains("\"choices\"");
        malformed("it is not a chat completion").charged(begun.then(|| Usage::estimate(request, &text)))
    };
    let body = match body.map_err(unreadable)? {
        // Gemini sends errors in an array.
        Value::Array(mut bodies) if bodies.len() == 1 => bodies.remove(0),
        body => body,
    };
    let choice = body.pointer("/choices/0");
    let written = choice.map_or_else(Written::default, |choice| Written::of(&choice["message"]));
    let all = [&written.content, &written.reasoning, &written.refusal].map(String::as_str).concat();
    let reported = Usage::read(&body["usage"], request, &all).map(|usage| usage.in_tier(&body));
    // Only a choice shows that a model has been at work.
    let usage = reported.or_else(|| choice.map(|_| Usage::estimate(request, &all).in_tier(&body)));
    let charged = |error: OpenAiError| error.charged(usage);

    let finish = choice.and_then(|choice| choice["finish_reason"].as_str());
    let whole = finish != Some("error") && !written.content.trim().is_empty();
    if !whole {
        let prompt = [request.system.as_str(), &request.user];
        if let Some(error) = error_in_answer::read(&body, choice, (wait, rate), &prompt) {
            return Err(error.charged(reported));
        }
    }
    let Some(usage) = usage.filter(|_| choice.is_some()) else { return Err(charged(malformed("it has no choices"))) };
    if !written.refusal.is_empty() {
        return Err(charged(OpenAiError::Refused { reason: shorten(&written.refusal) }));
    }
    let thought = body["usage"]["completion_tokens_details"]["reasoning_tokens"].as_u64();
    match finish {
        Some("length") => {
            let thoughts = thought.is_some_and(|tokens| tokens > 0) || written.content.trim().is_empty();
            return Err(OpenAiError::CutOff { usage, thoughts });
        }
        Some("content_filter") => return Err(charged(OpenAiError::ContentFilter)),
        _ => {}
    }
    let content = written.text().ok_or_else(|| charged(malformed("it has no content")))?;
    // What was counted and is not in the answer.
    let beside = || usage.completion_tokens.saturating_sub(tokens::estimate(&content));
    let thoughts = thought.map_or_else(beside, |tokens| u32::try_from(tokens).unwrap_or(u32::MAX - 1));
    Ok(ChatAnswer { content, usage, thoughts, rate })
}

impl Written {
    fn of(message: &Value) -> Self {
        let reasoning = ["reasoning", "reasoning_content", "thinking"];
        Self {
            content: text(&message["content"], &["text", "output_text"], "text"),
            reasoning: reasoning.map(|name| text(&message[name], &["text"], "text")).concat(),
            refusal: text(&message["refusal"], &["refusal"], "refusal")
                + &parts(&message["content"], &["refusal"], "refusal"),
        }
    }

    /// The answer. Ollama puts it into `reasoning` if a model reasons although it should not.
    fn text(self) -> Option<String> {
        if !self.content.trim().is_empty() {
            return Some(self.content);
        }
        Some(self.reasoning).filter(|reasoning| reasoning.contains(['{', '[']))
    }
}

/// A string, or the joined parts of these types: Mistral sends reasoning and answer as parts.
fn text(value: &Value, types: &[&str], field: &str) -> String {
    value.as_str().map_or_else(|| parts(value, types, field), str::to_owned)
}

fn parts(value: &Value, types: &[&str], field: &str) -> String {
    let parts = value.as_array().into_iter().flatten();
    let texts = parts.filter_map(|part| match part {
        Value::String(text) => Some(text.as_str()).filter(|_| types.contains(&"text")),
        part => part[field].as_str().filter(|_| part["type"].as_str().is_none_or(|kind| types.contains(&kind))),
    });
    texts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::ServiceTier;
    use serde_json::json;

    fn read_json(body: &serde_json::Value) -> Result<ChatAnswer, OpenAiError> {
        let request = ChatRequest {
            request_id: "id".into(),
            system: "Make cards.".into(),
            user: "A text.".into(),
            schema_name: "flashcards",
            schema: json!({"type": "object"}),
            max_output_tokens: 100,
        };
        read(&request, body.to_string().as_bytes(), (None, RateHeaders::default()))
    }

    fn error(message: &serde_json::Value, finish_reason: &str) -> OpenAiError {
        match choice(message, finish_reason).unwrap_err() {
            OpenAiError::Charged { source, usage } if usage.total_tokens > 0 => *source,
            error @ OpenAiError::CutOff { usage, .. } if usage.total_tokens > 0 => error,
            other => panic!("{other} is not charged"),
        }
    }

    fn choice(message: &serde_json::Value, finish_reason: &str) -> Result<ChatAnswer, OpenAiError> {
        read_json(&json!({"choices": [{"message": message, "finish_reason": finish_reason}]}))
    }

    #[test]
    fn what_is_new_or_missing_does_no_harm() {
        let answer = read_json(&json!({
            "choices": [{"message": {"content": "{}", "refusal": null}, "finish_reason": null}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5, "new_details": {}},
            "service_tier": "a new one",
        }));
        let answer = answer.unwrap();
        assert_eq!(answer.content, "{}");
        let usage = Usage { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5, ..Usage::default() };
        assert_eq!(answer.usage, usage);
    }

    #[test]
    fn the_answers_tier_and_cost_count_whatever_becomes_of_it() {
        for (message, finish) in [
            (json!({"content": "{}"}), "stop"),
            (json!({"content": null, "refusal": "no"}), "stop"),
            (json!({"content": ""}), "content_filter"),
            (json!({"content": ""}), "stop"),
            (json!({"content": "{"}), "length"),
        ] {
            let outcome = read_json(&json!({
                "choices": [{"message": message, "finish_reason": finish}],
                "usage": {"prompt_tokens": 3, "completion_tokens": 2, "cost": 0.5},
                "service_tier": "flex",
            }));
            let usage = outcome.map_or_else(|error| error.parts().1, |answer| Some(answer.usage)).unwrap();
            assert_eq!((usage.tier, usage.cost_micros), (ServiceTier::Flex, Some(500_000)), "{message}");
        }
    }

    #[test]
    fn a_completion_that_broke_off_is_charged() {
        let of = |body: &str| {
            let request = ChatRequest {
                request_id: "id".into(),
                system: "Make cards.".into(),
                user: "A text.".into(),
                schema_name: "flashcards",
                schema: json!({"type": "object"}),
                max_output_tokens: 100,
            };
            read(&request, body.as_bytes(), (None, RateHeaders::default())).unwrap_err().tokens()
        };
        assert!(of(r#"{"id":"x","choices":[{"message":{"content":"{\"cards"#) > 10);
        assert_eq!((of("<html>choices</html>"), of("{"), of("")), (0, 0, 0));
    }

    #[test]
    fn without_usage_it_is_estimated() {
        let usage = choice(&json!({"content": "{\"cards\":[]}"}), "stop").unwrap().usage;
        assert!(usage.prompt_tokens > 5 && usage.completion_tokens > 2);
        assert_eq!(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
    }

    #[test]
    fn what_is_not_a_whole_answer_is_an_error() {
        let refused = error(&json!({"content": null, "refusal": "I can't."}), "stop");
        assert!(matches!(refused, OpenAiError::Refused { reason } if reason == "I can't."));
        assert!(matches!(error(&json!({"content": "{\"ca"}), "length"), OpenAiError::CutOff { .. }));
        assert!(matches!(error(&json!({"content": ""}), "content_filter"), OpenAiError::ContentFilter));
        for message in [
            json!(null),
            json!({"content": null}),
            json!({"content": " \n"}),
            json!({"tool_calls": []}),
            json!({"content": "", "reasoning": "Hm, a leaf."}),
            json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]}),
            json!({"content": [{"type": "image_url", "image_url": {"url": "u"}}, 7, null]}),
        ] {
            assert!(matches!(error(&message, "stop"), OpenAiError::Malformed { .. }), "{message}");
        }
        for body in [json!(null), json!([]), json!({}), json!({"choices": []}), json!({"choices": {}}), json!("text")] {
            assert!(matches!(read_json(&body), Err(OpenAiError::Malformed { .. })), "{body}");
        }
    }

    #[test]
    fn the_answer_may_come_in_parts_or_beside_the_thoughts() {
        let cards = "{\"cards\":[]}";
        for message in [
            json!({"content": cards}),
            json!({"content": [{"type": "text", "text": cards}]}),
            json!({"content": ["{\"cards\"", {"text": ":[]}"}]}),
            json!({"content": [{"type": "reasoning", "text": "hm"}, {"type": "output_text", "text": cards}]}),
            json!({"content": "", "reasoning": cards}),
            json!({"content": null, "reasoning_content": cards}),
            json!({"content": " ", "thinking": cards}),
            json!({"content": cards, "reasoning": "Hm {}"}),
        ] {
            assert_eq!(choice(&message, "stop").unwrap().content, cards, "{message}");
        }
    }

    #[test]
    fn a_byte_order_mark_and_broken_utf_8_cost_no_answer() {
        let body = b"\xef\xbb\xbf{\"choices\":[{\"message\":{\"content\":\"[\xff]\"}}]}";
        let request = ChatRequest {
            request_id: "id".into(),
            system: String::new(),
            user: String::new(),
            schema_name: "flashcards",
            schema: json!({}),
            max_output_tokens: 100,
        };
        assert_eq!(read(&request, body, (None, RateHeaders::default())).unwrap().content, "[\u{fffd}]");
    }
}
