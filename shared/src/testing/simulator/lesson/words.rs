//! Words, and which of them are worth learning.

use std::{collections::HashSet, sync::LazyLock};

/// Words that carry no meaning of their own, of four letters and more: shorter ones are never terms.
const STOP_WORDS: &str = "about above across after again against almost alone along already also although always among \
    another anyone anything around away back because become been before behind being below besides between beyond both \
    called came cannot come comes could does doing done down during each either else enough especially even ever every \
    everything example from gets give gives goes going gone have having hence here however into instead itself just \
    kind know known later least less like likely made mainly make makes making many maybe means might more most mostly \
    much must near need needs never next none nothing often once only onto other others otherwise over perhaps quite \
    rather really same several shall should since some someone something sometimes soon still such take taken takes \
    than that their them themselves then there therefore these they thing things this those though through thus \
    together toward towards under until upon used useful uses using usually various very want well went were what when \
    where whether which while whole whom whose will with within without would your yours \
    aber alle allem allen aller alles also andere anderen auch beim bereits dabei dadurch daher damit dann darum dass \
    denn deren dessen deshalb diese diesem diesen dieser dieses doch dort durch eine einem einen einer eines einige \
    etwa etwas fast für gegen haben hatte hier ihre ihrem ihren ihrer immer jede jedem jeden jeder jedes jedoch kann \
    kein keine keinen können manche mehr meist muss müssen nach nicht noch nicht oder ohne schon sehr sein seine \
    seinem seinen seiner sich sind sobald sogar solche sondern sowie über unter viel viele vielen vom vor wann warum \
    weil weitere wenn werden wird wurde wurden zwar zwischen";

static STOP: LazyLock<HashSet<&str>> = LazyLock::new(|| STOP_WORDS.split_whitespace().collect());

/// The words of a text, as slices of it, in order. A script that writes no spaces is cut into pieces of two characters.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !in_word(c))
        .map(|word| word.trim_matches(['-', '\'', '’']))
        .filter(|word| !word.is_empty())
        .flat_map(pieces)
}

fn in_word(c: char) -> bool {
    // Letters of Indic and South-East Asian scripts are joined by signs that are not alphanumeric themselves.
    c.is_alphanumeric()
        || matches!(c, '-' | '\'' | '’' | '\u{300}'..='\u{36f}' | '\u{900}'..='\u{963}' | '\u{966}'..='\u{eff}')
}

const fn unspaced(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{eff}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}')
}

fn pieces(word: &str) -> impl Iterator<Item = &str> {
    let cut = word.chars().any(unspaced);
    let mut rest = word;
    std::iter::from_fn(move || {
        let end = if cut { rest.char_indices().nth(2).map_or(rest.len(), |(at, _)| at) } else { rest.len() };
        let (piece, after) = rest.split_at(end);
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Whether a word, given in lower case, is worth a card of its own.
pub(super) fn salient(lower: &str) -> bool {
    let shortest = if lower.chars().any(unspaced) { 2 } else { 4 };
    lower.chars().count() >= shortest && lower.chars().any(char::is_alphabetic) && !STOP.contains(lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<&str> {
        words(text).collect()
    }

    #[test]
    fn words_are_slices_without_punctuation() {
        assert_eq!(
            all("Plants’ well-known 'green' parts—3.5 %."),
            ["Plants", "well-known", "green", "parts", "3", "5"]
        );
        assert_eq!(all("光合作用は"), ["光合", "作用", "は"]);
        assert_eq!(all("विज्ञान है।"), ["विज्ञान", "है"]);
    }

    #[test]
    fn short_words_numbers_and_fillers_are_not_salient() {
        assert!(["leaf", "光合", "über-all"].into_iter().all(salient));
        assert!(!["the", "1984", "through", "zwischen", "は"].into_iter().any(salient));
    }
}
