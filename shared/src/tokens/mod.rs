//! Token counts without a tokenizer.
//!
//! A call reserves its tokens before it is made, so the count has to be quick and must not fall short. The vocabularies are
//! megabytes, differ between models, and are unknown for compatible servers. What costs how much was measured with OpenAI's two,
//! `o200k_base` (GPT-4o and later) and `cl100k_base` (GPT-4), on the translations that Debian ships in some 70 languages;
//! the dearer of the two decides. Both cut a text into words, numbers of up to three digits, and runs of signs:
//! <https://github.com/openai/tiktoken/blob/main/tiktoken_ext/openai_public.py>.

mod english;
mod script;
#[cfg(test)]
mod texts;

use std::str::Chars;

use script::Script;

/// A token, in the unit that costs are given in.
const TOKEN: u64 = 100;

/// At least as many tokens as the text has, for prose in the languages of the tests and most others; about a fourth to a half
/// above it for English. For languages that only the newer vocabulary is good at it is two to three times what that one needs.
/// Never more than the text has bytes.
#[must_use]
pub fn estimate(text: &str) -> u32 {
    let cost: u64 = text.split_inclusive('\n').map(line).sum();
    let bytes = u64::try_from(text.len()).unwrap_or(u64::MAX);
    u32::try_from(cost.div_ceil(TOKEN).min(bytes)).unwrap_or(u32::MAX)
}

/// By line, so that instructions in English don't make the learner's Basque below them cheap.
fn line(text: &str) -> u64 {
    let latin = if english::is_english(text) { &script::ENGLISH } else { &script::LATIN };
    let mut cost = 0;
    let mut chars = text.chars();
    while let Some(first) = chars.next() {
        cost += match Script::of(first) {
            Script::Latin => latin.word(first, &mut chars),
            Script::Digit => {
                // Not one by one: two more belong to the same token.
                for _ in 0..2 {
                    next_if(&mut chars, |c| c.is_ascii_digit());
                }
                TOKEN
            }
            Script::Space => space(&mut chars),
            Script::Other(cost) => cost,
        };
    }
    cost
}

/// The next character, where it is of that kind. A look ahead with a copy of the iterator, which is two pointers, costs less
/// than one that keeps what it saw.
fn next_if(chars: &mut Chars<'_>, wanted: impl Fn(char) -> bool) -> Option<char> {
    let mut ahead = chars.clone();
    let next = ahead.next().filter(|c| wanted(*c))?;
    *chars = ahead;
    Some(next)
}

/// One space belongs to the word or sign behind it. Digits, and letters that are spelled in bytes, don't take it; of a longer
/// run, all but the last are a token.
fn space(chars: &mut Chars<'_>) -> u64 {
    let mut run: u64 = 1;
    while next_if(chars, |c| c == ' ').is_some() {
        run += 1;
    }
    let alone = match chars.clone().next().map(Script::of) {
        Some(Script::Digit) | None => true,
        Some(Script::Other(cost)) => cost >= 2 * TOKEN,
        Some(Script::Latin | Script::Space) => false,
    };
    let longer = if run > 1 { TOKEN + run / 16 * TOKEN } else { 0 };
    longer + if alone { TOKEN } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::{estimate, texts};
    use tiktoken_rs::{cl100k_base_singleton, o200k_base_singleton};

    fn real(text: &str) -> u32 {
        let count = |vocabulary: &tiktoken_rs::CoreBPE| vocabulary.encode_ordinary(text).len();
        u32::try_from(count(cl100k_base_singleton()).max(count(o200k_base_singleton()))).unwrap()
    }

    /// One test, since the vocabularies take seconds to load.
    #[test]
    fn no_text_is_estimated_below_its_tokens_nor_far_above() {
        for (name, text) in texts::PROSE {
            let (guess, real) = (estimate(text), real(text));
            let most = if name == "English" { 1.6 } else { 1.8 };
            assert!(guess >= real, "{name}: {guess} for {real} tokens");
            assert!(f64::from(guess) <= most * f64::from(real), "{name}: {guess} for {real} tokens");
        }
        for (name, text) in texts::OTHER {
            let (guess, real) = (estimate(text), real(text));
            assert!(guess >= real && guess <= real * 5 / 2, "{name}: {guess} for {real} tokens");
        }
    }

    #[test]
    fn a_line_of_english_does_not_make_the_next_one_cheap() {
        let (_, english) = texts::PROSE[0];
        let basque = texts::PROSE.iter().find(|(name, _)| *name == "Basque").unwrap().1;
        let apart = estimate(&format!("{english}\n")) + estimate(basque);
        // Each part alone is rounded up.
        assert!(apart.abs_diff(estimate(&format!("{english}\n{basque}"))) <= 1);
    }

    #[test]
    fn edges() {
        assert_eq!(estimate(""), 0);
        assert_eq!(estimate("a"), 1);
        assert_eq!(estimate("\n"), 1);
        let long = "word ".repeat(1_000_000);
        assert!(estimate(&long) >= 1_000_000);
    }
}
