//! Resolves `-- @include "folder/name"` lines of Lua files, at build time.

use std::{collections::BTreeMap, fmt};

/// What begins a line that includes a fragment.
const MARK: &str = "-- @include ";
/// How a file begins that is part of scripts and none itself.
const FRAGMENT: &str = "-- Fragment";

/// Lua files by name: their path below `src`, without the ending.
pub(crate) type Sources = BTreeMap<String, String>;

/// Why a script can't be put together.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum IncludeError {
    /// The fragment does not exist.
    Unknown { file: String, fragment: String },
    /// The files include each other.
    Cycle(Vec<String>),
    /// The line is not `-- @include "folder/name"`.
    Malformed { file: String, line: String },
    /// A script, which has a header of its own, is no part of another one.
    NotAFragment { file: String, fragment: String },
}

impl fmt::Display for IncludeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { file, fragment } => write!(f, "{file}.lua includes {fragment}.lua, which does not exist"),
            Self::Cycle(files) => write!(f, "Lua files include each other: {}", files.join(" -> ")),
            Self::Malformed { file, line } => {
                write!(f, "{file}.lua: expected -- @include \"folder/name\", got: {line}")
            }
            Self::NotAFragment { file, fragment } => {
                write!(f, "{file}.lua includes {fragment}.lua, whose first line does not begin with {FRAGMENT}")
            }
        }
    }
}

/// Every script with its whole text, by name. A fragment stands where it is first included, and once.
pub(crate) fn render(sources: &Sources) -> Result<Sources, IncludeError> {
    let scripts = sources.iter().filter(|(_, text)| !text.starts_with(FRAGMENT));
    scripts
        .map(|(name, _)| {
            let (mut text, mut included, mut path) = (String::new(), Vec::new(), Vec::new());
            append(sources, name, &mut text, &mut included, &mut path)?;
            Ok((name.clone(), text))
        })
        .collect()
}

fn append(
    sources: &Sources,
    name: &str,
    text: &mut String,
    included: &mut Vec<String>,
    path: &mut Vec<String>,
) -> Result<(), IncludeError> {
    path.push(name.to_owned());
    for line in sources[name].lines() {
        let Some(word) = line.strip_prefix(MARK) else {
            text.push_str(line);
            text.push('\n');
            continue;
        };
        let quoted = word.strip_prefix('"').and_then(|word| word.strip_suffix('"'));
        let file = || name.to_owned();
        let fragment =
            quoted.ok_or_else(|| IncludeError::Malformed { file: file(), line: line.to_owned() })?.to_owned();
        let Some(source) = sources.get(&fragment) else { return Err(IncludeError::Unknown { file: file(), fragment }) };
        if path.contains(&fragment) {
            path.push(fragment);
            return Err(IncludeError::Cycle(path.clone()));
        }
        if !source.starts_with(FRAGMENT) {
            return Err(IncludeError::NotAFragment { file: file(), fragment });
        }
        if !included.contains(&fragment) {
            append(sources, &fragment, text, included, path)?;
            included.push(fragment);
        }
    }
    path.pop();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(files: &[(&str, &str)]) -> Sources {
        files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn a_fragment_stands_where_it_is_first_included_and_once() {
        let rendered = render(&sources(&[
            ("q/keys", "-- Fragment: keys\nlocal root\n"),
            ("q/slot", "-- Fragment: slots\n-- @include \"q/keys\"\nlocal slot\n"),
            ("q/take", "-- Takes\n-- @include \"q/keys\"\nlocal head\n-- @include \"q/slot\"\nreturn\n"),
        ]));
        let take = "-- Takes\n-- Fragment: keys\nlocal root\nlocal head\n-- Fragment: slots\nlocal slot\nreturn\n";
        assert_eq!(rendered, Ok(sources(&[("q/take", take)])));
    }

    #[test]
    fn unknown_names_cycles_and_scripts_are_errors_that_name_the_file() {
        let error = |files: &[(&str, &str)]| render(&sources(files)).unwrap_err().to_string();
        let unknown = error(&[("q/take", "-- Takes\n-- @include \"q/nothing\"\n")]);
        assert_eq!(unknown, "q/take.lua includes q/nothing.lua, which does not exist");
        let cycle = error(&[
            ("a", "-- Fragment\n-- @include \"b\"\n"),
            ("b", "-- Fragment\n-- @include \"a\"\n"),
            ("take", "-- Takes\n-- @include \"a\"\n"),
        ]);
        assert_eq!(cycle, "Lua files include each other: take -> a -> b -> a");
        let own = error(&[("take", "-- Takes\n-- @include \"take\"\n")]);
        assert_eq!(own, "Lua files include each other: take -> take");
        let script = error(&[("end", "-- Ends\n"), ("take", "-- Takes\n-- @include \"end\"\n")]);
        assert!(script.contains("take.lua includes end.lua, whose first line"), "{script}");
        let malformed = error(&[("take", "-- Takes\n-- @include q/keys\n")]);
        assert!(malformed.contains("expected -- @include"), "{malformed}");
    }
}
