//! Comparing texts as a reader does: without typography, invisible characters, and optional vowel
//! signs.

use std::ops::Range;

use icu_properties::{CodePointSetData, props::DefaultIgnorableCodePoint};
use unicode_normalization::UnicodeNormalization;

/// Whether the character is blank or not shown at all.
pub(super) fn is_invisible(c: char) -> bool {
    // U+2800 is a braille cell without dots.
    c.is_whitespace() || c == '\u{2800}' || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

/// Two fronts, or two topics, with the same key are the same to a reader: letter case, typography,
/// invisible characters and the sign that ends a sentence make no difference. A question mark does.
pub(super) fn key(text: &str) -> String {
    let normal: String = text.nfc().collect();
    let lower = Folded::of(&normal).text.to_lowercase().replace('ς', "σ");
    let bare = lower.trim_matches(|c: char| c.is_whitespace() || ".!¡。\"".contains(c));
    if bare.is_empty() { lower } else { bare.nfc().collect() }
}

/// The bytes of `text` that equal `term` apart from typography. Both have to be in NFC.
pub(super) fn find(term: &str, text: &str) -> Option<Range<usize>> {
    let (term, text) = (Folded::of(term), Folded::of(text));
    let wanted = term.text.trim();
    if wanted.is_empty() {
        return None;
    }
    text.text.match_indices(wanted).find_map(|(start, found)| text.original(start..start + found.len()))
}

/// A text without its typography.
struct Folded {
    text: String,
    /// Where each piece begins, and the bytes of the original that it stands for.
    pieces: Vec<(usize, Range<usize>)>,
}

impl Folded {
    fn of(original: &str) -> Self {
        let mut folded = Self { text: String::with_capacity(original.len()), pieces: Vec::new() };
        let mut after_opening = false;
        for (at, c) in original.char_indices() {
            let range = at..at + c.len_utf8();
            if is_vowel_sign(c) {
                // A term includes the signs of its last letter.
                if let Some((_, last)) = folded.pieces.last_mut() {
                    last.end = range.end;
                }
            } else if c.is_whitespace() {
                match folded.pieces.last_mut() {
                    Some((_, last)) if folded.text.ends_with(' ') => last.end = range.end,
                    _ if after_opening => {}
                    _ => folded.push(" ", range),
                }
            } else if !is_invisible(c) {
                // French has a blank there, of one kind or another, and others have none.
                if matches!(c, '?' | '!' | ';' | ':' | '»' | '›') && folded.text.ends_with(' ') {
                    folded.text.pop();
                    folded.pieces.pop();
                }
                after_opening = matches!(c, '«' | '‹');
                match same_as(c) {
                    Some(same) => folded.push(same, range),
                    None => folded.push(full_width(c).encode_utf8(&mut [0; 4]), range),
                }
            }
        }
        folded
    }

    fn push(&mut self, folded: &str, original: Range<usize>) {
        self.pieces.push((self.text.len(), original));
        self.text.push_str(folded);
    }

    /// The bytes of the original, where the stretch neither begins nor ends within a piece.
    fn original(&self, stretch: Range<usize>) -> Option<Range<usize>> {
        let piece = |at: usize| self.pieces.binary_search_by_key(&at, |(start, _)| *start).ok();
        let first = piece(stretch.start)?;
        let last = if stretch.end == self.text.len() { self.pieces.len() } else { piece(stretch.end)? } - 1;
        Some(self.pieces[first].1.start..self.pieces[last].1.end)
    }
}

/// The plain form of a sign that typography has several of.
const fn same_as(c: char) -> Option<&'static str> {
    Some(match c {
        '‘' | '’' | '‚' | '‛' | '′' | 'ʼ' | 'ʻ' | 'ʹ' | '`' | '´' | '‹' | '›' | '＇' | '\u{5f3}' => {
            "'"
        }
        '“' | '”' | '„' | '‟' | '«' | '»' | '″' | '〝' | '〞' | '＂' | '\u{5f4}' => "\"",
        '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' | '\u{fe58}' | '\u{fe63}' | '－' | '\u{5be}' => "-",
        '…' => "...",
        'ﬀ' => "ff",
        'ﬁ' => "fi",
        'ﬂ' => "fl",
        'ﬃ' => "ffi",
        'ﬄ' => "ffl",
        'ﬅ' | 'ﬆ' => "st",
        _ => return None,
    })
}

/// `Ａ` is an `A` of the width of a Chinese sign.
fn full_width(c: char) -> char {
    match c {
        '！'..='～' => u32::from(c).checked_sub(0xfee0).and_then(char::from_u32).unwrap_or(c),
        c => c,
    }
}

/// Optional marks of Arabic and Hebrew, for vowels and recitation, and the Arabic stroke that
/// stretches a word. Not included: marks that make another letter.
const fn is_vowel_sign(c: char) -> bool {
    matches!(c,
        '\u{591}'..='\u{5bd}' | '\u{5bf}' | '\u{5c1}' | '\u{5c2}' | '\u{5c4}' | '\u{5c5}' | '\u{5c7}'
        | '\u{610}'..='\u{61a}' | '\u{640}' | '\u{64b}'..='\u{652}' | '\u{656}'..='\u{65f}' | '\u{670}'
        | '\u{6d6}'..='\u{6dc}' | '\u{6df}'..='\u{6e4}' | '\u{6e7}' | '\u{6e8}' | '\u{6ea}'..='\u{6ed}'
        | '\u{8d3}'..='\u{8e1}' | '\u{8e3}'..='\u{8ff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_ignore_case_typography_and_what_can_not_be_seen() {
        for (a, b) in [
            ("Straße ", "straße"),
            ("CAFÉ", "cafe\u{301}"),
            ("ΣΟΦΟΣ", "σοφος"),
            ("Ａ", "a"),
            ("l'eau", "l’eau"),
            ("l'eau", "l'\u{ad}eau\u{200b}"),
            ("pomme de terre", "pomme\u{a0}de  terre"),
            ("pomme de terre", "pomme\u{202f}de terre"),
            ("bonjour", "bonjour\u{200b}"),
            ("bonjour", "Bonjour !"),
            ("¡Hola!", "hola"),
            ("Ça va ?", "ça va\u{202f}?"),
            ("Ça va ?", "ça va?"),
            ("« Bonjour »", "\"Bonjour\""),
            ("e-mail", "e\u{2011}mail"),
            ("שלום", "\u{202b}שָׁלוֹם\u{202c}"),
            ("كتاب", "كِتَاب"),
            ("كتاب", "كتـــاب"),
            ("ﬁn", "fin"),
        ] {
            assert_eq!(key(a), key(b), "{a}");
        }
        for (a, b) in [("schon", "schön"), ("Ça va", "Ça va?"), ("x²", "x2"), ("!", "?"), ("آن", "ان"), ("a b", "ab")]
        {
            assert_ne!(key(a), key(b), "{a}");
        }
    }

    #[test]
    fn a_term_is_found_as_the_text_spells_it() {
        for (term, text, found) in [
            ("l'eau", "Voici l’eau ici.", "l’eau"),
            ("trente ans", "Voici trente\u{a0}ans ici.", "trente\u{a0}ans"),
            ("\u{202b}שלום\u{202c}", "הנה שלום כאן.", "שלום"),
            ("שלום", "הנה \u{200f}שלום\u{200f} כאן.", "שלום"),
            ("كتاب", "هذا كِتَابٌ هنا.", "كِتَابٌ"),
            ("كِتَابٌ", "هذا كتاب هنا.", "كتاب"),
            ("Ça va ?", "Il dit : Ça va\u{202f}?", "Ça va\u{202f}?"),
            ("warte...", "Warte mal, warte… bitte", "warte…"),
            ("fin", "La ﬁn.", "ﬁn"),
            ("Haus", "Das Haus.", "Haus"),
        ] {
            assert_eq!(find(term, text).map(|range| &text[range]), Some(found), "{term}");
        }
        for (term, text) in [("Brot", "Das brot."), ("", "Das."), ("\u{200b}", "Das."), ("f", "La ﬁn."), ("e", "ist")]
        {
            assert_eq!(find(term, text), None, "{term}");
        }
    }

    #[test]
    fn what_nobody_sees_is_invisible() {
        for c in "\u{200b}\u{200c}\u{200d}\u{2060}\u{feff}\u{ad}\u{200e}\u{200f}\u{2800}\u{3164}\u{180e}\u{202a} \u{a0}\u{ffa0}".chars() {
            assert!(is_invisible(c), "{c:?}");
        }
        assert!(!"aあא±.😀".chars().any(is_invisible));
    }
}
