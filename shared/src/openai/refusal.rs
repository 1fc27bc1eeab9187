//! Whether a refusal is about this request, about the limit, or about the account: what its words say.

use serde_json::Value;

/// Words of a refusal for the size of the request.
const TOO_LARGE: [&str; 4] =
    ["request too large", "maximum context length", "context_length_exceeded", "reduce the length"];
/// Codes and words of a 403 that is about the account, the key or where the call comes from.
const ACCOUNT: [&str; 12] = [
    "api key",
    "api_key",
    "access denied",
    "account",
    "country",
    "deactivated",
    "does not have access",
    "insufficient_permissions",
    "insufficient permissions",
    "ip address",
    "organization",
    "permission",
];
/// Words of a 402 that is about money.
const MONEY: [&str; 6] = ["balance", "billing", "credit", "funds", "payment", "quota"];

/// The limit and the size of the request, as a message gives them: "Limit 30000, Used 20, Requested 31034".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Figures {
    pub(super) limit: u64,
    pub(super) requested: u64,
}

impl Figures {
    pub(super) fn read(message: &str) -> Option<Self> {
        let message = message.to_ascii_lowercase();
        Some(Self { limit: number_after(&message, "limit")?, requested: number_after(&message, "requested")? })
    }
}

/// Whether the request is refused since it is too large, now and later.
pub(super) fn is_too_large(code: Option<&str>, message: &str) -> bool {
    let said = message.to_ascii_lowercase();
    TOO_LARGE.iter().any(|words| said.contains(words) || code == Some(words))
        || Figures::read(message).is_some_and(|figures| figures.requested > figures.limit)
}

/// Whether the provider's moderation refuses this text. <https://openrouter.ai/docs/guides/moderation>
pub(super) fn is_moderation(code: Option<&str>, metadata: &Value) -> bool {
    let flagged = metadata.get("flagged_input").is_some() || metadata.get("reasons").is_some_and(Value::is_array);
    flagged || code.is_some_and(|code| code.contains("moderation") || code.contains("content_policy"))
}

pub(super) fn is_about_account(code: Option<&str>, message: &str) -> bool {
    says(code, message, &ACCOUNT)
}

pub(super) fn is_about_money(code: Option<&str>, message: &str) -> bool {
    says(code, message, &MONEY)
}

fn says(code: Option<&str>, message: &str, words: &[&str]) -> bool {
    let said = format!("{} {}", code.unwrap_or_default(), message).to_ascii_lowercase();
    words.iter().any(|word| said.contains(word))
}

/// The first number that follows `word` with nothing but a colon or blanks between them; it may have thousands' commas.
fn number_after(text: &str, word: &str) -> Option<u64> {
    text.match_indices(word).find_map(|(at, _)| {
        let rest = text[at + word.len()..].trim_start_matches([':', ' ']);
        let digits: String = rest
            .chars()
            .take_while(|char| char.is_ascii_digit() || matches!(char, ',' | '_'))
            .filter(char::is_ascii_digit)
            .collect();
        digits.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn figures_are_read_as_providers_write_them() {
        let read = |message| Figures::read(message).map(|figures| (figures.limit, figures.requested));
        let openai = "Request too large for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, Requested 31034. The input…";
        assert_eq!(read(openai), Some((30_000, 31_034)));
        let groq =
            "Rate limit reached for model `m` on tokens per minute (TPM): Limit 6,000, Used 5,900, Requested ~1,200.";
        assert_eq!(read(groq), None, "a number that is not plain is not believed");
        let ordinary = "Rate limit reached for m on tokens per min (TPM): Limit: 40000, Used: 39000, Requested: 5000.";
        assert_eq!(read(ordinary), Some((40_000, 5_000)));
        for unclear in ["", "Too many requests", "limit exceeded, requested by you", "Limit 5"] {
            assert_eq!(read(unclear), None, "{unclear}");
        }
    }

    #[test]
    fn a_request_is_too_large_where_words_or_figures_say_so() {
        assert!(is_too_large(None, "Request too large for MODEL"));
        assert!(is_too_large(None, "tokens per min: Limit 3000, Used 0, Requested 5213"));
        assert!(is_too_large(Some("context_length_exceeded"), ""));
        assert!(!is_too_large(None, "tokens per min: Limit 3000, Used 2900, Requested 213"));
        assert!(!is_too_large(Some("rate_limit_exceeded"), "Rate limit reached"));
    }

    #[test]
    fn moderation_and_accounts_are_told_apart() {
        assert!(is_moderation(None, &json!({ "reasons": ["violence"], "flagged_input": ".." })));
        assert!(!is_moderation(Some("403"), &json!({ "reasons": "none" })));
        assert!(is_about_account(None, "Project `x` does not have access to model `y`"));
        assert!(is_about_account(Some("unsupported_country_region_territory"), "Country not supported"));
        assert!(!is_about_account(None, "Forbidden") && !is_about_account(None, ""));
        assert!(is_about_money(None, "Insufficient Balance") && !is_about_money(None, "no"));
    }
}
