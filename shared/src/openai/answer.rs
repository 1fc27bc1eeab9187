//! What came back, and whether it can be used.

use serde::Deserialize;

use super::{ChatRequest, OpenAiError, RateHeaders, error_body::shorten};
use crate::tokens;

/// An answer that is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatAnswer {
    /// What the model wrote.
    pub content: String,
    /// What it cost.
    pub usage: Usage,
    /// The provider's view of its limits.
    pub rate: RateHeaders,
}

/// The tokens of a call, as the provider counted them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub struct Usage {
    /// What was sent.
    pub prompt_tokens: u32,
    /// What came back, thoughts included.
    pub completion_tokens: u32,
    /// Both.
    pub total_tokens: u32,
}

/// The part of a chat completion that is needed. Our own type, since async-openai's asks for fields that compatible servers
/// leave out, and rejects values that it does not know: a paid answer must not be lost over a new service tier.
///
/// <https://platform.openai.com/docs/api-reference/chat/object>
#[derive(Deserialize)]
struct Completion {
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
}

/// Takes the answer apart.
pub(super) fn read(request: &ChatRequest, body: &[u8], rate: RateHeaders) -> Result<ChatAnswer, OpenAiError> {
    let malformed = |what| OpenAiError::Malformed { what };
    let completion: Completion = serde_json::from_slice(body).map_err(|_| malformed("it is not a chat completion"))?;
    let choice = completion.choices.into_iter().next().ok_or(malformed("it has no choices"))?;
    if let Some(reason) = choice.message.refusal.filter(|reason| !reason.is_empty()) {
        return Err(OpenAiError::Refused { reason: shorten(&reason) });
    }
    match choice.finish_reason.as_deref() {
        Some("length") => {
            let content = choice.message.content.unwrap_or_default();
            let usage = completion.usage.unwrap_or_else(|| estimate(request, &content));
            return Err(OpenAiError::CutOff { usage });
        }
        Some("content_filter") => return Err(OpenAiError::ContentFilter),
        _ => {}
    }
    let content = choice.message.content.filter(|content| !content.trim().is_empty());
    let content = content.ok_or(malformed("it has no content"))?;
    let usage = completion.usage.unwrap_or_else(|| estimate(request, &content));
    Ok(ChatAnswer { content, usage, rate })
}

/// For servers that don't count. It errs upwards, so that a limit or a budget is never overrun because of them.
fn estimate(request: &ChatRequest, content: &str) -> Usage {
    let schema = request.schema.to_string();
    let prompt = [&request.system, &request.user, &schema];
    let prompt_tokens = prompt.into_iter().map(|text| tokens::estimate(text)).fold(0, u32::saturating_add);
    let completion_tokens = tokens::estimate(content);
    Usage { prompt_tokens, completion_tokens, total_tokens: prompt_tokens.saturating_add(completion_tokens) }
}

#[cfg(test)]
mod tests {
    use super::*;
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
        read(&request, body.to_string().as_bytes(), RateHeaders::default())
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
        assert_eq!(answer.usage, Usage { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 });
    }

    #[test]
    fn without_usage_it_is_estimated() {
        let usage = choice(&json!({"content": "{\"cards\":[]}"}), "stop").unwrap().usage;
        assert!(usage.prompt_tokens > 5 && usage.completion_tokens > 2);
        assert_eq!(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
    }

    #[test]
    fn what_is_not_a_whole_answer_is_an_error() {
        let refused = choice(&json!({"content": null, "refusal": "I can't."}), "stop");
        assert!(matches!(refused, Err(OpenAiError::Refused { reason }) if reason == "I can't."));
        assert!(
            matches!(choice(&json!({"content": "{\"ca"}), "length"), Err(OpenAiError::CutOff { usage }) if usage.total_tokens > 0)
        );
        assert!(matches!(choice(&json!({"content": ""}), "content_filter"), Err(OpenAiError::ContentFilter)));
        for message in [json!({"content": null}), json!({"content": " \n"}), json!({"tool_calls": []})] {
            assert!(matches!(choice(&message, "stop"), Err(OpenAiError::Malformed { .. })));
        }
        for body in [json!(null), json!([]), json!({}), json!({"choices": []}), json!({"choices": [{}]}), json!("text")]
        {
            assert!(matches!(read_json(&body), Err(OpenAiError::Malformed { .. })), "{body}");
        }
    }
}
