//! Finds the cards in an answer: JSON alone, in a code fence, after reasoning or between prose; an
//! object with a list, a bare list, or cards one by one. A card that is not valid JSON costs that
//! card only.

use serde_json::{Deserializer, Value};

use super::{latex, problem::Problem};

/// A card as JSON, or why it is none.
pub(super) type Draft = Result<Value, Problem>;

/// Closing tags of reasoning.
const REASONING_ENDS: [&str; 5] = ["</think>", "</thinking>", "</thought>", "</reasoning>", "[/THINK]"];
/// Brackets that begin no JSON: at most this many are tried, since each try may read to the end.
const FALSE_BEGINS_MAX: usize = 200;

/// Finds the cards.
pub(super) fn read(content: &str) -> Result<Vec<Draft>, Problem> {
    let content = content.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    match serde_json::from_str(content) {
        // JSON encoded twice.
        Ok(Value::String(inner)) if inner.contains(['{', '[']) => return read(&inner),
        Ok(value) => return list_in(value).map(all_good).ok_or(Problem::WrongShape),
        Err(_) => {}
    }
    let text = after_reasoning(content);
    let values = values(text);
    let anything = !values.is_empty();
    let (single, others): (Vec<Value>, Vec<Value>) = values.into_iter().partition(is_card);
    let lists: Vec<Vec<Value>> = others.into_iter().filter_map(list_in).collect();
    // The last one: an earlier one is a draft.
    if let Some(list) = lists.iter().rev().find(|list| list.iter().any(is_card)) {
        return Ok(all_good(list.clone()));
    }
    let broken = broken_list(text);
    if broken.iter().any(Result::is_ok) {
        return Ok(broken);
    }
    match lists.into_iter().next_back() {
        _ if !single.is_empty() => Ok(all_good(single)),
        Some(list) => Ok(all_good(list)),
        None if anything => Err(Problem::WrongShape),
        None => Err(Problem::NotJson),
    }
}

fn all_good(list: Vec<Value>) -> Vec<Draft> {
    list.into_iter().map(Ok).collect()
}

fn is_card(value: &Value) -> bool {
    value.get("front").is_some()
}

/// The list of cards that a value is or has. Without a schema models give it other names, such as
/// `flashcards`.
fn list_in(value: Value) -> Option<Vec<Value>> {
    match value {
        Value::Array(cards) => Some(cards),
        card if is_card(&card) => Some(vec![card]),
        Value::Object(mut fields) => match fields.remove("cards") {
            Some(Value::Array(cards)) => Some(cards),
            Some(_) => None,
            None => fields.into_iter().map(|(_, value)| value).find_map(|value| match value {
                Value::Array(cards) if cards.iter().any(is_card) => Some(cards),
                _ => None,
            }),
        },
        _ => None,
    }
}

/// The text after the reasoning; all of it if nothing follows.
fn after_reasoning(text: &str) -> &str {
    let ends = REASONING_ENDS.iter().filter_map(|end| text.rfind(end).map(|at| at + end.len()));
    ends.max().map(|end| &text[end..]).filter(|rest| !rest.trim().is_empty()).unwrap_or(text)
}

/// All objects and arrays in a text.
fn values(text: &str) -> Vec<Value> {
    let (mut values, mut at, mut false_begins) = (Vec::new(), 0, 0);
    while let Some(begin) = text[at..].find(['{', '[']).map(|begin| at + begin) {
        if false_begins == FALSE_BEGINS_MAX {
            break;
        }
        let mut read = Deserializer::from_str(&text[begin..]).into_iter::<Value>();
        if let Some(Ok(value)) = read.next() {
            values.push(value);
            at = begin + read.byte_offset();
        } else {
            false_begins += 1;
            at = begin + 1;
        }
    }
    values
}

/// The cards of a list that is invalid as a whole, because of one card or because it is cut off.
/// Cards contain no objects, so each ends where the next one begins.
fn broken_list(text: &str) -> Vec<Draft> {
    let Some(begin) = begin_of_list(text) else { return Vec::new() };
    let list = &text[begin..];
    let end = list.rfind(']').map_or(list, |end| &list[..end]);
    let end = end.trim_end_matches(|c: char| c.is_whitespace() || c == ',');
    let mut cards = Vec::new();
    let mut rest = if end.ends_with('}') { end } else { list };
    while let Some((card, after)) = split_card(rest) {
        cards.push(card);
        rest = after;
    }
    cards.push(rest);
    cards.into_iter().map(|card| card.trim().trim_end_matches(',')).filter(|card| !card.is_empty()).map(draft).collect()
}

/// Where the first card of a list begins.
fn begin_of_list(text: &str) -> Option<usize> {
    let lists = text.match_indices('[').map(|(at, _)| at + 1);
    let begins_card = |at: &usize| text[*at..].trim_start().starts_with('{');
    let named = lists.clone().find(|at| {
        let before = text[..at - 1].trim_end();
        begins_card(at) && before.strip_suffix(':').is_some_and(|name| name.trim_end().ends_with("\"cards\""))
    });
    named.or_else(|| lists.clone().find(begins_card))
}

/// The first card, up to `}`, a comma and `{`, and what follows the comma.
fn split_card(text: &str) -> Option<(&str, &str)> {
    text.match_indices('}').find_map(|(at, _)| {
        let after = text[at + 1..].trim_start().strip_prefix(',')?.trim_start();
        after.starts_with('{').then_some((&text[..=at], after))
    })
}

fn draft(card: &str) -> Draft {
    let value = serde_json::from_str(card).ok().or_else(|| serde_json::from_str(&fixed(card)?).ok());
    value.ok_or(Problem::BrokenCard)
}

/// The card with valid escapes; `None` where the meaning of an escape is unclear.
fn fixed(card: &str) -> Option<String> {
    let mut fixed = String::with_capacity(card.len() + 16);
    let mut in_string = false;
    let mut rest = card;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '"' => {
                in_string = !in_string;
                fixed.push(c);
            }
            '\\' if in_string => {
                let name = latex::name_at(rest);
                let next = rest.chars().next()?;
                let hex = rest.as_bytes().get(1..5).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
                match next {
                    'u' if hex => fixed.push(c),
                    '"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't' => fixed.push(c),
                    '\'' => {}
                    '(' | ')' | '[' | ']' | '{' | '}' | ',' | ';' | ':' => fixed.push_str("\\\\"),
                    _ if latex::is_command(name) => fixed.push_str("\\\\"),
                    _ => return None,
                }
                fixed.push(next);
                rest = &rest[next.len_utf8()..];
            }
            '\n' | '\r' | '\t' if in_string => fixed.push(' '),
            ',' if !in_string && rest.trim_start().starts_with('}') => {}
            c => fixed.push(c),
        }
    }
    Some(fixed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAF: &str = r#"{"front":"leaf","back":"Blatt"}"#;
    const ROOT: &str = r#"{"front":"root","back":"Wurzel"}"#;

    fn fronts(content: &str) -> Vec<String> {
        let drafts = read(content).unwrap_or_else(|problem| panic!("{problem:?}: {content}"));
        let front =
            |draft: Draft| draft.map_or("-".to_owned(), |card| card["front"].as_str().unwrap_or("?").to_owned());
        drafts.into_iter().map(front).collect()
    }

    #[test]
    fn cards_are_found_whatever_is_around_them() {
        let (list, object) = (format!("[{LEAF}, {ROOT}]"), format!("{{\"cards\":[{LEAF},{ROOT}]}}"));
        for json in [&list, &object] {
            for content in [
                json.clone(),
                format!("\u{feff} {json}\n"),
                format!("```json\n{json}\n```"),
                format!("```\n{json}\n```\nEnjoy!"),
                format!("Here are {{2}} cards [as asked]: {json} Done [1]."),
                format!("<think>\n\n</think>\n\n{json}"),
                format!("<think>They want {{cards}}, say [{LEAF}]</think>{json}"),
                format!("thoughts without a begin {LEAF} </think>\n```json\n{json}```"),
                format!("<think>no end: {{ {json}"),
                format!("[THINK]hm[/THINK]{json}"),
                format!("<|channel|>analysis<|message|>hm<|end|><|channel|>final<|message|>{json}"),
                format!("A draft: [{LEAF}] and all: {json}"),
                format!("{json} <think>late</think>"),
            ] {
                assert_eq!(fronts(&content), ["leaf", "root"], "{content}");
            }
        }
        for content in [
            format!("{{\"flashcards\":[{LEAF},{ROOT}]}}"),
            format!("{{\"count\":2,\"tags\":[\"x\"],\"items\":[{LEAF},{ROOT}]}}"),
            format!("{LEAF}\n{ROOT}\n"),
            Value::from(format!("[{LEAF},{ROOT}]")).to_string(),
            format!("1. {LEAF}\n2. {ROOT}"),
            format!("{{\"cards\":[{LEAF},{ROOT},]}}"),
            format!("{{\"cards\":[{LEAF},{ROOT}]"),
            format!("{{\"cards\":[{LEAF},{ROOT}"),
            format!("[{LEAF},\n {ROOT}"),
        ] {
            assert_eq!(fronts(&content), ["leaf", "root"], "{content}");
        }
        assert_eq!(fronts(LEAF), ["leaf"]);
        assert_eq!(fronts("[]").len(), 0);
        assert_eq!(fronts("There are none: {\"cards\": []}").len(), 0);
    }

    #[test]
    fn a_card_that_is_no_json_is_one_card_less() {
        for (broken, read) in [
            (r#"{"front":"$\alpha$","back":"b"}"#, r"$\alpha$"),
            (r#"{"front":"\(x\)","back":"b"}"#, r"\(x\)"),
            (r#"{"front":"$\underline{a}$","back":"b"}"#, r"$\underline{a}$"),
            (r#"{"front":"l\'eau","back":"b"}"#, "l'eau"),
            (r#"{"front":"x","back":"b",}"#, "x"),
            ("{\"front\":\"a\nb\",\"back\":\"b\"}", "a b"),
            (r#"{"front":"\qoph","back":"b"}"#, "-"),
            (r#"{"front":"\$5","back":"b"}"#, "-"),
            (r#"{"front":"\ud83d","back":"b"}"#, "-"),
            (r#"{"front":"a "word" b","back":"b"}"#, "-"),
            (r#"{"front":"a "word b","back":"b"}"#, "-"),
            (r"{'front':'a','back':'b'}", "-"),
            (r#"{"front":"a" "back":"b"}"#, "-"),
        ] {
            for content in [
                format!("{{\"cards\":[{LEAF},{broken},{ROOT}]}}"),
                format!("```json\n[ {LEAF} ,\n{broken},\n{ROOT}\n]\n```"),
            ] {
                assert_eq!(fronts(&content), ["leaf", read, "root"], "{content}");
            }
        }
        assert_eq!(fronts(&format!("{{\"cards\":[{LEAF},{{\"front\":\"ro")), ["leaf", "-"]);
    }

    #[test]
    fn what_has_no_cards_is_told() {
        for (content, problem) in [
            ("", Problem::NotJson),
            ("Here are your cards:", Problem::NotJson),
            ("Here [are] your {cards}:", Problem::NotJson),
            (r#"{"cards": ["#, Problem::NotJson),
            ("null", Problem::WrongShape),
            (r#"{"cards": {}}"#, Problem::WrongShape),
            (r#"I can offer {"topics": ["x"]}."#, Problem::WrongShape),
        ] {
            assert_eq!(read(content), Err(problem), "{content}");
        }
    }

    #[test]
    fn brackets_without_end_take_no_time() {
        assert_eq!(read(&"[{".repeat(200_000)), Err(Problem::NotJson));
        assert_eq!(read(&"{\"a\":[\"".repeat(100_000)), Err(Problem::NotJson));
        assert_eq!(read(&"[{} ".repeat(100_000)), Err(Problem::WrongShape));
    }
}
