//! Whether a line is English, which both vocabularies know best by far.

/// Whether it is one of the frequent words that are words in few other languages; "is", "in" or "a" would make Afrikaans and
/// Hungarian English.
fn is_frequent(word: &str) -> bool {
    let mut lower = [0; 5];
    let Some(lower) = lower.get_mut(..word.len()) else { return false };
    lower.copy_from_slice(word.as_bytes());
    lower.make_ascii_lowercase();
    matches!(
        &*lower,
        b"the"
            | b"of"
            | b"and"
            | b"to"
            | b"that"
            | b"with"
            | b"this"
            | b"from"
            | b"which"
            | b"have"
            | b"they"
            | b"are"
            | b"it"
            | b"be"
            | b"can"
            | b"you"
    )
}

/// They make up about a quarter of English prose.
const LEAST_SHARE: usize = 10;
/// Fewer words than this prove nothing.
const LEAST_WORDS: usize = 4;

pub(super) fn is_english(line: &str) -> bool {
    let (mut words, mut known) = (0, 0);
    for word in line.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()) {
        words += 1;
        known += usize::from(is_frequent(word));
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
