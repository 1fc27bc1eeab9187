//! The terms of a text that deserve a card.

use std::collections::{HashMap, HashSet, hash_map::Entry};

use super::{
    glossary,
    sentences::sentences,
    words::{salient, words},
};

/// A term and the sentence that holds it, both as they stand in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Term<'a> {
    pub(super) front: &'a str,
    pub(super) sentence: &'a str,
}

#[derive(Debug)]
struct Candidate<'a> {
    term: Term<'a>,
    first_seen: usize,
    seen: usize,
    words_in_sentence: usize,
    known: bool,
}

impl Candidate<'_> {
    /// Longer and rarer is better; a word that can be translated is much better.
    fn score(&self) -> usize {
        let length = self.term.front.chars().count().min(14);
        20 + length + if self.known { 8 } else { 0 } - 2 * self.seen.min(5)
    }
}

/// Up to `want` salient words in the order of the text; sequences of words where they are fewer than `least`.
/// No two are the same but for case, and none is in `avoid`, which is in lower case.
pub(super) fn terms<'a>(text: &'a str, want: usize, least: usize, avoid: &HashSet<String>) -> Vec<Term<'a>> {
    let mut candidates = candidates(text, avoid);
    candidates.sort_by_key(|candidate| (std::cmp::Reverse(candidate.score()), candidate.first_seen));
    candidates.truncate(want);
    candidates.sort_by_key(|candidate| candidate.first_seen);
    let mut found: Vec<Term<'a>> = candidates.into_iter().map(|candidate| candidate.term).collect();
    if found.len() < least {
        add_sequences(text, &mut found, least, avoid);
    }
    found
}

fn candidates<'a>(text: &'a str, avoid: &HashSet<String>) -> Vec<Candidate<'a>> {
    let mut by_word: HashMap<String, Candidate<'a>> = HashMap::new();
    let mut position = 0;
    for sentence in sentences(text) {
        let words_in_sentence = words(sentence).count();
        for word in words(sentence) {
            position += 1;
            let lower = word.to_lowercase();
            match by_word.entry(lower) {
                Entry::Occupied(mut entry) => {
                    let candidate = entry.get_mut();
                    candidate.seen += 1;
                    // A heading makes a poor example.
                    if candidate.words_in_sentence < 5 && words_in_sentence >= 5 {
                        candidate.term = Term { front: word, sentence };
                        candidate.words_in_sentence = words_in_sentence;
                    }
                }
                Entry::Vacant(entry) if salient(entry.key()) && !avoid.contains(entry.key()) => {
                    let term = Term { front: word, sentence };
                    let known = glossary::knows(entry.key());
                    entry.insert(Candidate { term, first_seen: position, seen: 1, words_in_sentence, known });
                }
                Entry::Vacant(_) => {}
            }
        }
    }
    by_word.into_values().collect()
}

/// Adds sequences of two, three, … words that stand on one line, and single words of any kind at last.
fn add_sequences<'a>(text: &'a str, found: &mut Vec<Term<'a>>, least: usize, avoid: &HashSet<String>) {
    let mut taken: HashSet<String> = found.iter().map(|term| term.front.to_lowercase()).collect();
    for length in [2, 3, 4, 5, 1] {
        for sentence in sentences(text) {
            let words: Vec<&str> = words(sentence).collect();
            for sequence in words.windows(length) {
                if found.len() >= least {
                    return;
                }
                let Some(front) = joined(sentence, sequence) else { continue };
                let lower = front.to_lowercase();
                if !avoid.contains(&lower) && taken.insert(lower) {
                    found.push(Term { front, sentence });
                }
            }
        }
    }
}

/// The part of the sentence from the first word to the last, if nothing but single spaces or nothing separates them.
fn joined<'a>(sentence: &'a str, sequence: &[&'a str]) -> Option<&'a str> {
    let offset = |word: &str| word.as_ptr() as usize - sentence.as_ptr() as usize;
    let (first, last) = (sequence.first()?, sequence.last()?);
    let adjacent = sequence.windows(2).all(|pair| {
        let gap = &sentence[offset(pair[0]) + pair[0].len()..offset(pair[1])];
        gap.is_empty() || gap == " "
    });
    adjacent.then(|| &sentence[offset(first)..offset(last) + last.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Photosynthesis\n\nA chloroplast is full of chlorophyll, the pigment that makes plants green.\n\
                        During photosynthesis the chlorophyll absorbs light.";

    fn fronts(text: &str, want: usize, least: usize, avoid: &[&str]) -> Vec<String> {
        let avoid = avoid.iter().map(|&word| word.to_owned()).collect();
        let found = terms(text, want, least, &avoid);
        assert!(found.iter().all(|term| term.sentence.contains(term.front)), "{found:?}");
        found.into_iter().map(|term| term.front.to_owned()).collect()
    }

    #[test]
    fn the_most_telling_words_come_first_and_once() {
        assert_eq!(fronts(TEXT, 3, 0, &[]), ["photosynthesis", "chloroplast", "chlorophyll"]);
        assert_eq!(fronts(TEXT, 2, 0, &["photosynthesis"]), ["chloroplast", "chlorophyll"]);
    }

    #[test]
    fn a_short_text_gives_sequences() {
        let found = fronts("Green leaf, red leaf.", 6, 5, &[]);
        assert_eq!(found, ["Green", "leaf", "Green leaf", "red leaf", "red"]);
        assert_eq!(fronts("Why?", 9, 9, &[]).len(), 1);
    }
}
