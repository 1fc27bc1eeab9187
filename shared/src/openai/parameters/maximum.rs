//! What a message says about the size of the output cap.

/// Phrases that name the length of the input: the refusal depends on the job's text.
const INPUT: [&str; 17] = [
    "context length",
    "context_length",
    "context size",
    "context limit",
    "input length",
    "input token",
    "input_token",
    "inputs`",
    "in the messages",
    "length of the messages",
    "prompt contains",
    "prompt is too long",
    "prompt length",
    "prompt token",
    "prompt_token",
    "tokens in the prompt",
    "your prompt",
];

/// Phrases before a maximum.
const BEFORE: [&str; 15] = [
    "at most",
    "cannot exceed",
    "less than or equal to",
    "limit of",
    "limited to",
    "lower than or equal to",
    "maximum allowed is",
    "maximum is",
    "maximum of",
    "maximum value is",
    "must not exceed",
    "no more than",
    "smaller than or equal to",
    "<=",
    "≤",
];

/// The longest stretch between a phrase and its number: quotes, blanks, a colon.
const GAP_CHARS: usize = 4;

/// Whether the message, in lower case, names the length of the input.
pub(super) fn names_input(message: &str) -> bool {
    INPUT.iter().any(|phrase| message.contains(phrase))
}

/// The maximum that the message, in lower case, states for a cap of `sent`.
pub(super) fn stated(message: &str, sent: u32) -> Option<u32> {
    let simple = BEFORE.iter().flat_map(|phrase| after(message, phrase)).filter_map(number_at);
    let ranges = after(message, "(inclusive) to").chain(after(message, "(inclusive) and")).filter_map(|rest| {
        let maximum = number_at(rest)?;
        let tail = rest.trim_start_matches(|c: char| !c.is_alphabetic());
        Some(if tail.starts_with("exclusive") { maximum.saturating_sub(1) } else { maximum })
    });
    // `[1, 8192]`, and `100000 > 8192`.
    let brackets = after(message, "[").filter_map(|rest| {
        let (low, rest) = rest.split_once(',')?;
        low.trim().parse::<u32>().ok()?;
        number_at(rest)
    });
    let comparison = format!("{sent} >");
    let above = after(message, &comparison).filter_map(number_at);
    let found = simple.chain(ranges).chain(brackets).chain(above);
    found.filter(|maximum| (1..sent).contains(maximum)).min()
}

/// Tokens that the context has left beside the prompt, where the message says so.
pub(super) fn room(message: &str) -> Option<u32> {
    let context = ["context length is only", "context length is", "context length of", "context size of"];
    let context = context.iter().flat_map(|phrase| after(message, phrase)).find_map(number_at)?;
    let units =
        [" tokens in the prompt", " prompt tokens", " input tokens", " in the messages", " tokens from the input"];
    let input = units.iter().flat_map(|unit| before(message, unit)).find_map(number_ending)?;
    context.checked_sub(input).filter(|room| *room > 0)
}

fn after<'a>(message: &'a str, phrase: &'a str) -> impl Iterator<Item = &'a str> {
    message.match_indices(phrase).map(move |(at, _)| &message[at + phrase.len()..])
}

fn before<'a>(message: &'a str, phrase: &'a str) -> impl Iterator<Item = &'a str> {
    message.match_indices(phrase).map(|(at, _)| &message[..at])
}

/// The number that follows at once, such as `` `8,192` ``.
fn number_at(text: &str) -> Option<u32> {
    let start = text.char_indices().take(GAP_CHARS).find(|(_, c)| c.is_ascii_digit())?.0;
    if text[..start].contains(char::is_alphanumeric) {
        return None;
    }
    let digits = text[start..].chars().take_while(|c| c.is_ascii_digit() || matches!(c, ',' | '_'));
    digits.filter(char::is_ascii_digit).collect::<String>().parse().ok()
}

/// The number that ends the text.
fn number_ending(text: &str) -> Option<u32> {
    let digits: Vec<char> = text.chars().rev().take_while(|c| c.is_ascii_digit() || matches!(c, ',' | '_')).collect();
    digits.into_iter().rev().filter(char::is_ascii_digit).collect::<String>().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the providers word it.
    #[test]
    fn a_stated_maximum_is_read() {
        for (message, sent, maximum) in [
            (
                "max_tokens is too large: 32768. This model supports at most 16384 completion tokens, whereas you \
                 provided 32768.",
                32_768,
                Some(16_384),
            ),
            (
                "`max_completion_tokens` must be less than or equal to `32768`, the maximum value for \
                 `max_completion_tokens` is less than the `context_window` for this model",
                40_000,
                Some(32_768),
            ),
            ("Invalid max_tokens value, the valid range of max_tokens is [1, 8192]", 10_000, Some(8_192)),
            ("max_tokens: 100000 > 8192, which is the maximum allowed number of output tokens", 100_000, Some(8_192)),
            (
                "it has a maxOutputTokens value of 100000 but the supported range is from 1 (inclusive) to 65537 \
                 (exclusive)",
                100_000,
                Some(65_536),
            ),
            ("The maximum tokens you requested exceeds the model limit of 4,096.", 8_192, Some(4_096)),
            ("max_tokens is too large for mistral-7b-2407", 4_096, None),
            ("max_tokens must be at most as large as allowed", 4_096, None),
            ("max_tokens must be at least 1 and at most 9000", 4_096, None),
            ("max_tokens is too large", 4_096, None),
        ] {
            let lower = message.to_lowercase();
            assert_eq!(stated(&lower, sent), maximum, "{message}");
            assert!(!names_input(&lower), "{message}");
        }
    }

    #[test]
    fn the_length_of_the_input_is_told_apart() {
        for (message, left) in [
            (
                "'max_tokens' or 'max_completion_tokens' is too large: 4096. This model's maximum context length is \
                 4096 tokens and your request has 1200 input tokens (4096 > 4096 - 1200).",
                Some(2_896),
            ),
            (
                "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens (5000 in the \
                 messages, 4000 in the completion). Please reduce the length of the messages or completion.",
                Some(3_192),
            ),
            (
                "This model's maximum context length is 128000 tokens. However, you requested 65535 output tokens \
                 and your prompt contains at least 62466 input tokens, for a total of at least 128001 tokens.",
                Some(65_534),
            ),
            (
                "You passed 4097 input tokens and requested 4096 output tokens. However, the model's context length \
                 is only 8192 tokens",
                Some(4_095),
            ),
            ("`inputs` tokens + `max_new_tokens` must be <= 4097. Given: 5 `inputs` tokens", None),
            ("This model's maximum context length is 4096 tokens, your prompt is longer", None),
            ("This model's maximum context length is 100 tokens and your request has 200 input tokens", None),
        ] {
            let lower = message.to_lowercase();
            assert!(names_input(&lower), "{message}");
            assert_eq!(room(&lower), left, "{message}");
        }
    }
}
