//! Whether a line is English, which both vocabularies know best by far.

/// Frequent words that are words in few other languages; "is", "in" or "a" would make Afrikaans and Hungarian English.
const WORDS: [&str; 16] = [
    "the", "of", "and", "to", "that", "with", "this", "from", "which", "have", "they", "are", "it", "be", "can", "you",
];
/// They make up about a quarter of English prose.
const LEAST_SHARE: usize = 10;
/// Fewer words than this prove nothing.
const LEAST_WORDS: usize = 4;

pub(super) fn is_english(line: &str) -> bool {
    let (mut words, mut known) = (0, 0);
    for word in line.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()) {
        words += 1;
        known += usize::from(WORDS.iter().any(|english| english.eq_ignore_ascii_case(word)));
    }
    words >= LEAST_WORDS && known * LEAST_SHARE >= words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::texts;

    #[test]
    fn only_english_is_english() {
        for (name, text) in texts::PROSE {
            assert_eq!(is_english(text), name == "English", "{name}");
        }
        assert!(!is_english("the cat"));
        assert!(!is_english(""));
    }
}
