//! The tables of names, which lie beside this file.

use std::{collections::HashMap, sync::LazyLock};

const LANGUAGES: &str = include_str!("languages.tsv");
const VARIETIES: &str = include_str!("varieties.tsv");
const REGIONS: &str = include_str!("regions.tsv");

/// The scripts that a language can be told to use: code and name.
const SCRIPTS: [(&str, &str); 14] = [
    ("Arab", "Arabic"),
    ("Beng", "Bengali"),
    ("Cyrl", "Cyrillic"),
    ("Deva", "Devanagari"),
    ("Grek", "Greek"),
    ("Guru", "Gurmukhi"),
    ("Hans", "Simplified"),
    ("Hant", "Traditional"),
    ("Hebr", "Hebrew"),
    ("Jpan", "Japanese"),
    ("Kore", "Korean"),
    ("Latn", "Latin"),
    ("Mong", "Mongolian"),
    ("Tfng", "Tifinagh"),
];

/// Names in lower case, and the tags that they mean.
static BY_NAME: LazyLock<HashMap<String, &'static str>> =
    LazyLock::new(|| spellings().map(|(name, tag)| (name.to_lowercase(), tag)).collect());

/// English names by code: of languages and of regions, whose letter case keeps them apart.
static BY_CODE: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    let first = |(code, names): (&'static str, &'static str)| (code, names.split('\t').next().unwrap_or(names));
    rows(LANGUAGES).chain(rows(REGIONS)).map(first).chain(SCRIPTS).collect()
});

/// The tag that a name stands for, whatever its letter case.
pub(super) fn tag_of(name: &str) -> Option<&'static str> {
    BY_NAME.get(&name.to_lowercase()).copied()
}

/// The English name of a language ("de"), script ("Latn") or region ("AT"), in BCP 47's letter case.
pub(super) fn of_code(code: &str) -> Option<&'static str> {
    BY_CODE.get(code).copied()
}

/// The code of a script or region, by its English name in any letter case.
pub(super) fn qualifier_code(name: &str) -> Option<&'static str> {
    let same = |(_, known): &(&str, &str)| known.to_lowercase() == name.to_lowercase();
    SCRIPTS.into_iter().chain(rows(REGIONS)).find(same).map(|(code, _)| code)
}

/// Code and English name of every language.
#[cfg(feature = "openapi")]
pub(super) fn known() -> impl Iterator<Item = (&'static str, &'static str)> {
    rows(LANGUAGES).map(|(code, names)| (code, names.split('\t').next().unwrap_or(names)))
}

/// The code of every script.
#[cfg(feature = "openapi")]
pub(super) fn scripts() -> impl Iterator<Item = &'static str> {
    SCRIPTS.into_iter().map(|(code, _)| code)
}

/// The code of every region.
#[cfg(feature = "openapi")]
pub(super) fn regions() -> impl Iterator<Item = &'static str> {
    rows(REGIONS).map(|(code, _)| code)
}

fn spellings() -> impl Iterator<Item = (&'static str, &'static str)> {
    rows(LANGUAGES).chain(rows(VARIETIES)).flat_map(|(tag, names)| names.split('\t').map(move |name| (name, tag)))
}

/// Each line's first field and the rest.
fn rows(table: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    table.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('\t'))
}

/// Every language's tag, for tests.
#[cfg(test)]
pub(super) fn tags() -> impl Iterator<Item = &'static str> {
    rows(LANGUAGES).chain(rows(VARIETIES)).map(|(tag, _)| tag)
}

/// Names that stand in the tables more than once, for tests.
#[cfg(test)]
pub(super) fn doubled() -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    spellings().map(|(name, _)| name.to_lowercase()).filter(|name| !seen.insert(name.clone())).collect()
}
