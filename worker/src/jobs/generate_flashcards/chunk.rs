//! A long text, cut into parts that fit one call each.
//!
//! Cuts are made between sentences. A sentence that does not fit is cut at blanks, which is between words or, in Thai,
//! between phrases; what still does not fit at the word boundaries of UAX 29, and a word at its grapheme clusters, so
//! that no letter loses its accent. The parts are about equally long: a short last one would get cards that it has no
//! material for.

use std::ops::Range;

use shared::tokens::estimate;
use unicode_segmentation::UnicodeSegmentation;

/// A piece that is not cut any further, and its size in tokens.
#[derive(Debug, Clone)]
struct Piece {
    range: Range<usize>,
    tokens: u32,
}

/// The byte ranges of the parts of `text`, in order, none of more than `limit` tokens. Parts without a letter are left
/// out; a text that fits is one part.
pub(super) fn split(text: &str, limit: u32) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    cut(text, 0, limit, &CUTS, &mut pieces);
    let mut bound = limit;
    let mut parts = loop {
        let parts = pack(&pieces, narrowest(&pieces, bound));
        // The estimate of a whole can be above the sum of its pieces: a line counts as English or not as a whole.
        let widest = parts.iter().filter(|part| part.pieces > 1).map(|part| estimate(&text[part.range.clone()])).max();
        match widest {
            Some(tokens) if tokens > limit && bound > 1 => {
                let scaled = u64::from(bound) * u64::from(limit) / u64::from(tokens);
                bound = u32::try_from(scaled).unwrap_or(bound).min(bound - bound / 8 - 1).max(1);
            }
            _ => break parts,
        }
    };
    parts.retain(|part| text[part.range.clone()].chars().any(char::is_alphanumeric));
    parts.into_iter().map(|part| part.range).collect()
}

/// Pieces that follow each other.
struct Run {
    range: Range<usize>,
    tokens: u32,
    pieces: usize,
}

/// Fills one part after the other up to `size` tokens.
fn pack(pieces: &[Piece], size: u32) -> Vec<Run> {
    let mut parts: Vec<Run> = Vec::new();
    for Piece { range, tokens } in pieces.iter().cloned() {
        match parts.last_mut() {
            Some(part) if part.tokens.saturating_add(tokens) <= size => {
                part.range.end = range.end;
                part.tokens += tokens;
                part.pieces += 1;
            }
            _ => parts.push(Run { range, tokens, pieces: 1 }),
        }
    }
    parts
}

type Cut = for<'a> fn(&'a str) -> Box<dyn Iterator<Item = &'a str> + 'a>;

/// From coarse to fine. Each gives the whole text back, in order.
const CUTS: [Cut; 4] = [
    |text| Box::new(text.split_sentence_bounds()),
    |text| Box::new(text.split_inclusive(char::is_whitespace)),
    |text| Box::new(words(text)),
    |text| Box::new(text.graphemes(true)),
];

/// Word boundaries, less those within a grapheme cluster, of which Thai has some: UAX 29 sees a boundary before the
/// vowel of "น้ำ".
fn words(text: &str) -> impl Iterator<Item = &str> {
    let clusters: Vec<usize> = text.grapheme_indices(true).map(|(at, _)| at).collect();
    let whole = move |at: &usize| clusters.binary_search(at).is_ok();
    let mut ends = text.split_word_bound_indices().map(|(at, _)| at).skip(1).filter(whole).chain([text.len()]);
    let mut start = 0;
    std::iter::from_fn(move || {
        let end = ends.next()?;
        let word = &text[start..end];
        start = end;
        Some(word)
    })
}

/// Cuts `text`, which starts at byte `start` of the whole, as coarsely as fits.
fn cut(text: &str, start: usize, limit: u32, cuts: &[Cut], pieces: &mut Vec<Piece>) {
    let tokens = estimate(text);
    match cuts.split_first() {
        Some((coarse, finer)) if tokens > limit || finer.len() + 1 == CUTS.len() => {
            let mut start = start;
            for piece in coarse(text) {
                cut(piece, start, limit, finer, pieces);
                start += piece.len();
            }
        }
        _ => pieces.push(Piece { range: start..start + text.len(), tokens }),
    }
}

/// The smallest size at which there are no more parts than at `limit`.
fn narrowest(pieces: &[Piece], limit: u32) -> u32 {
    let fewest = pack(pieces, limit).len();
    let widest_piece = pieces.iter().map(|piece| piece.tokens).max().unwrap_or(0);
    let (mut low, mut high) = (widest_piece.min(limit), limit);
    while low < high {
        let middle = low + (high - low) / 2;
        if pack(pieces, middle).len() <= fewest { high = middle } else { low = middle + 1 }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [(&str, &str); 10] = [
        ("English", "The leaf is green. It makes sugar from light! Why? Because of Dr. Chlorophyll. "),
        ("German", "Das Blatt ist grün. Donaudampfschifffahrtsgesellschaftskapitän fährt los. Ja! "),
        ("Chinese", "叶子是绿色的。它用光制造糖。为什么？因为叶绿素。"),
        ("Japanese", "葉っぱは緑色です。光から糖を作ります。なぜですか？"),
        ("Korean", "잎은 녹색입니다. 빛으로 설탕을 만듭니다. 왜 그럴까요? "),
        ("Thai", "ใบไม้เป็นสีเขียว มันสร้างน้ำตาลจากแสง เพราะคลอโรฟิลล์"),
        ("Thai without blanks", "ใบไม้เป็นสีเขียวมันสร้างน้ำตาลจากแสงเพราะคลอโรฟิลล์"),
        ("Hindi", "पत्ता हरा है। यह प्रकाश से चीनी बनाता है। क्यों? "),
        ("Arabic", "الورقة خضراء. تصنع السكر من الضوء. لماذا؟ "),
        ("One word", "e\u{301}🇩🇪👩‍👩‍👧"),
    ];

    fn check(text: &str, limit: u32, name: &str) -> Vec<Range<usize>> {
        let parts = split(text, limit);
        let mut end = 0;
        for part in &parts {
            assert!(estimate(&text[part.clone()]) <= limit, "{name} at {limit}: {part:?} is too long");
            assert!(part.start >= end, "{name} at {limit}: out of order");
            let skipped = &text[end..part.start];
            assert!(!skipped.chars().any(char::is_alphanumeric), "{name} at {limit}: lost {skipped:?}");
            end = part.end;
        }
        assert!(!text[end..].chars().any(char::is_alphanumeric), "{name} at {limit}: lost the end");
        parts
    }

    #[test]
    fn nothing_is_lost_and_every_part_fits() {
        for (name, text) in TEXTS {
            let text = text.repeat(40);
            let graphemes: Vec<usize> = text.grapheme_indices(true).map(|(at, _)| at).collect();
            for limit in [30, 57, 100, 333, 100_000] {
                for part in check(&text, limit, name) {
                    assert!(graphemes.binary_search(&part.start).is_ok(), "{name}: a cluster was cut");
                }
            }
        }
    }

    #[test]
    fn a_text_of_two_languages_fits_as_well() {
        let text =
            "The cat and the dog of the house sat with it. Txoriak eta katuak etxean bizi dira elkarrekin. ".repeat(60);
        for limit in [100, 150, 237, 400] {
            check(&text, limit, "two languages");
        }
    }

    #[test]
    fn a_cluster_that_is_longer_than_a_part_does_no_harm() {
        let text = format!("Ein Wort. {} Noch ein Wort.", "e\u{301}".to_owned() + &"\u{301}".repeat(2_000));
        assert!(split(&text, 100).len() <= 4);
    }

    #[test]
    fn cuts_are_between_sentences_where_they_fit() {
        for (name, text) in TEXTS.into_iter().filter(|(name, _)| !name.starts_with("Thai") && *name != "One word") {
            let text = text.repeat(40);
            let sentences: Vec<usize> = text.split_sentence_bound_indices().map(|(at, _)| at).collect();
            for part in check(&text, 200, name) {
                assert!(sentences.binary_search(&part.start).is_ok(), "{name}: cut within a sentence");
            }
        }
    }

    #[test]
    fn a_long_sentence_is_cut_at_words() {
        let text = "photosynthesis and respiration ".repeat(200);
        let parts = check(&text, 100, "one sentence");
        assert!(parts.len() > 3);
        assert!(parts.iter().all(|part| text[..part.start].is_empty() || text[..part.start].ends_with(' ')));
    }

    #[test]
    fn parts_are_about_equal() {
        for (name, text) in TEXTS.into_iter().take(9) {
            let text = text.repeat(60);
            let whole = estimate(&text);
            for parts in 2..=7 {
                // Just above what `parts` parts hold, so that filling one after the other would leave a tiny last one.
                let limit = whole.div_ceil(parts) - 1;
                let sizes: Vec<u32> = check(&text, limit, name).into_iter().map(|part| estimate(&text[part])).collect();
                let (least, most) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
                assert!(least * 2 >= *most, "{name}: {sizes:?}");
            }
        }
    }

    #[test]
    fn what_fits_is_one_part_and_what_is_empty_is_none() {
        let parts = split("One. Two. Three.", 1_000);
        assert_eq!((parts.len(), parts.first()), (1, Some(&(0..16))));
        for text in ["", " \n… ", &" \n".repeat(500)] {
            assert!(split(text, 100).is_empty(), "{text:?}");
        }
    }
}
