//! What a letter costs, by its script.

use std::str::Chars;

use super::{TOKEN, next_if};

/// How a character is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    /// Counted by word.
    Latin,
    /// Counted by three.
    Digit,
    /// Mostly part of the word behind it.
    Space,
    /// This much each.
    Other(u64),
}

impl Script {
    pub(super) fn of(c: char) -> Self {
        match c {
            ' ' => Self::Space,
            '0'..='9' => Self::Digit,
            _ if is_latin(c) => Self::Latin,
            '\0'..='\u{7f}' => Self::Other(TOKEN),
            _ => Self::Other(other(c)),
        }
    }
}

fn is_latin(c: char) -> bool {
    match c {
        '\0'..='\u{7f}' => c.is_ascii_alphabetic(),
        '\u{80}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => c.is_alphabetic(),
        _ => false,
    }
}

/// Measured, with a margin. Letters that are not listed cost their bytes: no vocabulary can need more.
fn other(c: char) -> u64 {
    match c {
        // Greek
        '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => 122,
        // Cyrillic: the Russian letters, then those that it lacks
        '\u{410}'..='\u{44f}' => 65,
        '\u{400}'..='\u{52f}' => 215,
        // Hebrew
        '\u{590}'..='\u{5ff}' => 125,
        // Arabic, then the letters of other languages that use it
        '\u{60c}'..='\u{652}' => 100,
        '\u{600}'..='\u{6ff}' | '\u{750}'..='\u{77f}' => 160,
        // Devanagari, Bengali, Thai
        '\u{900}'..='\u{97f}' => 132,
        '\u{980}'..='\u{9ff}' => 162,
        '\u{e00}'..='\u{e7f}' => 115,
        // Dashes and quotation marks
        '\u{2010}'..='\u{2027}' => 200,
        // Chinese and Japanese: signs, kana, characters
        '\u{3000}'..='\u{303f}' | '\u{ff00}'..='\u{ffef}' => 130,
        '\u{3040}'..='\u{30ff}' => 120,
        '\u{3400}'..='\u{9fff}' => 190,
        // Korean
        '\u{ac00}'..='\u{d7af}' => 155,
        _ => u64::try_from(c.len_utf8()).unwrap_or(4) * TOKEN,
    }
}

/// Prices of a word in Latin letters.
pub(super) struct Latin {
    /// This many letters are one token.
    first: u64,
    /// Every letter after them.
    letter: u64,
}

/// A common word is one token, however long.
pub(super) const ENGLISH: Latin = Latin { first: 6, letter: 32 };
/// Every other language: German words are long, Basque and Welsh ones are rare.
pub(super) const LATIN: Latin = Latin { first: 2, letter: 41 };

/// A capital letter inside a word: `camelCase`, CAPITALS, and random strings.
const CAPITAL: u64 = 40;

impl Latin {
    /// The rest of the word that begins with this letter.
    pub(super) fn word(&self, first: char, rest: &mut Chars<'_>) -> u64 {
        let mut letters: u64 = 1;
        let mut cost = TOKEN + accent(first);
        while let Some(letter) = next_if(rest, is_latin) {
            letters += 1;
            cost += accent(letter) + if letter.is_uppercase() { CAPITAL } else { 0 };
        }
        cost + letters.saturating_sub(self.first) * self.letter
    }
}

/// What a letter beyond a to z adds, since it splits its word: western Europe's, eastern Europe's, Vietnam's.
fn accent(letter: char) -> u64 {
    match letter {
        '\0'..='\u{7f}' => 0,
        '\u{80}'..='\u{ff}' => 70,
        '\u{100}'..='\u{24f}' => 150,
        _ => 90,
    }
}
