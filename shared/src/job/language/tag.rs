//! BCP 47 tags, as far as a language lesson needs them: language, script and region.
//!
//! Variants, extensions and private use are refused: no course is taught in `de-DE-u-co-phonebk`.

use std::fmt;

use super::names;

/// A tag whose every part is known. Scripts are listed by code where they have a name to tell them by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tag {
    language: String,
    script: Option<String>,
    region: Option<String>,
}

impl Tag {
    /// Reads `language[-script][-region]` in any letter case, with `-` or `_` between.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(['-', '_']).peekable();
        let language = known(&parts.next().filter(|part| is(part, 2..=3))?.to_ascii_lowercase())?;
        let script = parts.next_if(|part| is(part, 4..=4)).map(|part| known(&title_case(part)));
        let region = parts.next_if(|part| is_region(part)).map(|part| known(&part.to_ascii_uppercase()));
        if parts.next().is_some() {
            return None;
        }
        // A part that has the right form and is unknown makes the whole unknown.
        let given = |part: Option<Option<String>>| part.map_or(Some(None), |part| part.map(Some));
        Some(Self { language, script: given(script)?, region: given(region)? })
    }

    /// The same with a script or region, by its English name.
    pub(super) fn qualified(mut self, name: &str) -> Option<Self> {
        let code = names::qualifier_code(name)?;
        let part = if code.len() == 4 { &mut self.script } else { &mut self.region };
        if part.is_some() {
            return None;
        }
        *part = Some(code.to_owned());
        Some(self)
    }

    /// "Chinese (Traditional, Taiwan)".
    pub(super) fn name(&self) -> Option<String> {
        let language = names::of_code(&self.language)?;
        let qualifiers: Vec<_> =
            [&self.script, &self.region].into_iter().flatten().filter_map(|code| names::of_code(code)).collect();
        let plain = qualifiers.is_empty();
        Some(if plain { language.to_owned() } else { format!("{language} ({})", qualifiers.join(", ")) })
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.language)?;
        [&self.script, &self.region].into_iter().flatten().try_for_each(|part| write!(f, "-{part}"))
    }
}

fn known(code: &str) -> Option<String> {
    names::of_code(code).map(|_| code.to_owned())
}

fn is(part: &str, lengths: std::ops::RangeInclusive<usize>) -> bool {
    lengths.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn is_region(part: &str) -> bool {
    is(part, 2..=2) || (part.len() == 3 && part.bytes().all(|byte| byte.is_ascii_digit()))
}

fn title_case(part: &str) -> String {
    let (first, rest) = part.split_at(1);
    first.to_ascii_uppercase() + &rest.to_ascii_lowercase()
}
