//! `HORIZONTAL_SCALING_GUIDE.md` says what is so.

use std::collections::BTreeSet;

const GUIDE: &str = include_str!("../../HORIZONTAL_SCALING_GUIDE.md");
const KEYS: &str = include_str!("../../docs/REDIS_KEYS.md");
const LOGGING: &str = include_str!("../../docs/LOGGING.md");

/// The rows of the first table behind the heading, without its head.
fn table<'a>(document: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let (_, section) = document.split_once(heading).unwrap_or_else(|| panic!("no {heading}"));
    let rows = section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    rows.skip(2).map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// `docs/REDIS_KEYS.md` is held against the keys that exist by `redis_keys.rs`.
#[test]
fn the_audit_of_state_names_the_keys_that_exist_each_once() {
    let rows = table(GUIDE, "## Where every piece of state lives");
    let named: Vec<&str> = rows.iter().flat_map(|row| quoted(row[2])).collect();
    let audited: BTreeSet<&str> = named.iter().copied().collect();
    assert_eq!(named.len(), audited.len(), "one is there twice");
    let exist: BTreeSet<&str> =
        KEYS.lines().filter_map(|line| Some(line.strip_prefix("| `{prefix}:")?.split_once('`')?.0)).collect();
    let missing: Vec<_> = exist.difference(&audited).collect();
    let gone: Vec<_> = audited.difference(&exist).collect();
    assert!(missing.is_empty() && gone.is_empty(), "not in the guide: {missing:?}; in no Redis: {gone:?}");
}

/// `docs/LOGGING.md` lists phrases as they are logged.
#[test]
fn the_phrases_to_search_are_logged() {
    let (_, section) = GUIDE.split_once("Phrases to search").unwrap();
    let rows = table(section, "");
    assert!(rows.len() > 5);
    for phrase in rows.iter().flat_map(|row| quoted(row[0])) {
        assert!(LOGGING.contains(&format!("`{phrase}")), "{phrase} is not in docs/LOGGING.md");
    }
}

/// What the script prints is what the guide explains.
#[test]
fn the_lines_of_the_script_are_explained() {
    let script = include_str!("../test-horizontal-scaling.sh");
    let rows = table(GUIDE, "## Test it on staging");
    for line in rows.iter().flat_map(|row| quoted(row[0])) {
        let said = line.strip_prefix("✗ FAIL: ").unwrap();
        // Up to what is different each time.
        let fixed =
            ["Job submitted through replica", "Job did not end within", "Per-user limit", "Fleet's limit is not one"];
        let start = fixed.iter().find(|start| said.starts_with(**start)).unwrap_or_else(|| panic!("{said}"));
        assert!(script.contains(start), "{start}");
    }
    for reason in ["is not the same everywhere", "is kept per replica"] {
        assert!(script.contains(&format!("trouble=\"{reason}")) && GUIDE.contains(reason), "{reason}");
    }
}

/// Links to files of ours, in the documents that operators read first.
#[test]
fn links_lead_somewhere() {
    let top = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for document in ["README.md", "HORIZONTAL_SCALING_GUIDE.md"] {
        let text = std::fs::read_to_string(top.join(document)).unwrap();
        let links = text.split("](").skip(1).map(|rest| rest.split_once(')').unwrap().0);
        for link in links.filter(|link| !link.contains("://")) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let file = if file.is_empty() { document } else { file };
            let there = std::fs::read_to_string(top.join(file));
            assert!(there.is_ok() || top.join(file).is_dir(), "{document}: {file} is not there");
            let slug = |line: &str| line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
            let headings: Vec<String> =
                there.iter().flat_map(|text| text.lines()).filter(|line| line.starts_with('#')).map(slug).collect();
            assert!(
                heading.is_empty() || headings.iter().any(|one| one == heading),
                "{document}: {link} leads to no heading"
            );
        }
    }
}
