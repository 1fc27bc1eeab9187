//! Placeholders: fields that a model filled in because it had to.

use super::folding::key;

/// Only in capitals: "todo" is Spanish for "everything".
const CAPITALS: [&str; 4] = ["TODO", "TBD", "TBA", "XXX"];
/// In any letter case.
const ABBREVIATIONS: [&str; 6] = ["n/a", "#n/a", "n.a", "n. a", "nan", "[object object]"];
/// Names of fields, as templates have them in brackets.
const FIELDS: [&str; 10] =
    ["front", "back", "term", "word", "translation", "definition", "meaning", "example", "sentence", "insert"];
/// Languages in which "null" is a number.
const NULL_IS_ZERO: [&str; 9] = [
    "German",
    "Low German",
    "Swiss German",
    "Danish",
    "Norwegian",
    "Norwegian Bokmål",
    "Norwegian Nynorsk",
    "Estonian",
    "Luxembourgish",
];

/// Whether a field in this language is a placeholder. `other` is the term, or its translation.
pub(super) fn is_placeholder(text: &str, language: &str, other: &str) -> bool {
    if CAPITALS.contains(&text.trim_end_matches([':', '.', '!'])) {
        return true;
    }
    let folded = key(text);
    match folded.as_str() {
        "null" => !NULL_IS_ZERO.contains(&language),
        // A term of mathematics: undefiniert, indéfini, indefinido.
        "undefined" => !key(other).contains("def"),
        word => {
            ABBREVIATIONS.contains(&word)
                || word.starts_with("lorem ipsum")
                || is_filler(text.trim())
                || names_a_field(word)
        }
    }
}

/// Dots and dashes. Other signs only if repeated: a single one may be the term.
fn is_filler(text: &str) -> bool {
    let signs = text.chars().filter(|c| !c.is_whitespace()).count();
    let all_of = |set: &str| text.chars().all(|c| c.is_whitespace() || set.contains(c));
    all_of("-‐‑‒–—―_.…·•") || (signs > 1 && all_of("?*/#~"))
}

/// `<translation>`, `[insert example here]`
fn names_a_field(folded: &str) -> bool {
    let brackets = [('<', '>'), ('[', ']'), ('{', '}')];
    let inside = brackets
        .into_iter()
        .find_map(|(open, close)| folded.strip_prefix(open).and_then(|rest| rest.strip_suffix(close)));
    inside.is_some_and(|inside| inside.split(|c: char| !c.is_alphanumeric()).any(|word| FIELDS.contains(&word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_known() {
        for text in [
            "N/A",
            "n/a",
            "n.a.",
            "N. A.",
            "-",
            "–",
            "—",
            "--",
            "...",
            "…",
            "_",
            "____",
            "???",
            "TODO",
            "TODO:",
            "TBD",
            "null",
            "NULL",
            "undefined",
            "NaN",
            "[object Object]",
            "<translation>",
            "[insert example here]",
            "{back}",
            "Lorem ipsum dolor",
            "* * *",
            "•",
        ] {
            assert!(is_placeholder(text, "English", "Baum"), "{text}");
        }
    }

    #[test]
    fn words_are_none() {
        for (text, language, other) in [
            ("todo", "Spanish", "everything"),
            ("null", "German", "zero"),
            ("Null", "Danish", "zero"),
            ("undefined", "English", "undefiniert"),
            ("na", "Polish", "on"),
            ("none", "English", "keiner"),
            ("unknown", "English", "unbekannt"),
            ("?", "English", "das Fragezeichen"),
            ("#", "English", "die Raute"),
            ("[aː]", "English", "a"),
            ("xx", "English", "20"),
            ("∀", "English", "für alle"),
            ("tree", "English", "Baum"),
        ] {
            assert!(!is_placeholder(text, language, other), "{text}");
        }
    }
}
