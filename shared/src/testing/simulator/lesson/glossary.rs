//! A small English-German glossary, so that a demonstration shows real translations.

use std::{collections::HashMap, sync::LazyLock};

/// English, German and the English pronunciation, separated by tabs.
const TABLE: &str = include_str!("glossary.tsv");

#[derive(Debug, Clone, Copy)]
struct Row {
    english: &'static str,
    german: &'static str,
    pronunciation: &'static str,
}

#[derive(Debug, Default)]
struct Glossary {
    by_english: HashMap<String, Row>,
    by_german: HashMap<String, Row>,
}

static GLOSSARY: LazyLock<Glossary> = LazyLock::new(|| {
    let mut glossary = Glossary::default();
    for line in TABLE.lines() {
        let mut cells = line.split('\t');
        if let (Some(english), Some(german), Some(pronunciation)) = (cells.next(), cells.next(), cells.next()) {
            let row = Row { english, german, pronunciation };
            glossary.by_english.insert(english.to_lowercase(), row);
            glossary.by_german.insert(german.to_lowercase(), row);
        }
    }
    glossary
});

/// A translation and how the term is pronounced, if that is known.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Translation {
    pub(super) text: String,
    pub(super) pronunciation: Option<&'static str>,
}

/// Whether this word, in lower case, can be translated.
pub(super) fn knows(lower: &str) -> bool {
    GLOSSARY.by_english.contains_key(lower)
}

/// The term in the learner's language, or a placeholder that names the language: `chlorophyll (French)`. Where both
/// languages are the same, it is the placeholder too: a translation must not repeat the term.
pub(super) fn translate(term: &str, target_language: &str, native_language: &str) -> Translation {
    let (lower, language) = (term.to_lowercase(), native_language.to_lowercase());
    let foreign = !target_language.eq_ignore_ascii_case(native_language);
    let is = |name: &str, tag: &str| foreign && (language == name || language.split(['-', '_']).next() == Some(tag));
    if is("german", "de")
        && let Some(row) = GLOSSARY.by_english.get(&lower)
    {
        let pronunciation = Some(row.pronunciation).filter(|text| !text.is_empty());
        return Translation { text: row.german.to_owned(), pronunciation };
    }
    if is("english", "en")
        && let Some(row) = GLOSSARY.by_german.get(&lower)
    {
        return Translation { text: row.english.to_owned(), pronunciation: None };
    }
    Translation { text: format!("{term} ({native_language})"), pronunciation: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_whole_and_no_word_stands_twice() {
        let rows = TABLE.lines().count();
        assert!(rows >= 150, "{rows} rows");
        assert_eq!(GLOSSARY.by_english.len(), rows);
        for line in TABLE.lines() {
            let cells: Vec<&str> = line.split('\t').collect();
            assert!(cells.len() == 3 && cells.iter().all(|cell| cell.trim() == *cell && !cell.is_empty()), "{line:?}");
            assert!(cells[2].starts_with('/') && cells[2].ends_with('/'), "{line:?}");
        }
    }

    #[test]
    fn translates_both_ways_and_says_when_it_can_not() {
        let german = translate("Chlorophyll", "English", "de-AT");
        assert_eq!((german.text.as_str(), german.pronunciation.is_some()), ("Chlorophyll", true));
        assert_eq!(translate("leaf", "English", "German").text, "Blatt");
        assert_eq!(translate("Blatt", "German", "English").text, "leaf");
        assert_eq!(translate("leaf", "English", "French").text, "leaf (French)");
        assert_eq!(translate("chlorophyll", "German", "German").text, "chlorophyll (German)");
    }
}
