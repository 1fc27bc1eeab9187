//! `.env.example` names every variable that `shared::config` reads, with its default.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use clap::{Args, Command};
use shared::config::{
    ApiConfig, AzureConfig, BudgetConfig, DurabilityConfig, JobsConfig, LoggingConfig, OpenAiConfig, RedisConfig,
    WorkerConfig,
};

/// Set on purpose to something else than the binary's default: what the shipped app needs.
const RECOMMENDED: [(&str, &str); 1] = [("LEGACY_WAIT_SECONDS", "55")];

/// Variables with their defaults; one that several binaries read may have several.
type Variables = BTreeMap<String, BTreeSet<String>>;

/// What the sections say.
fn configured() -> Variables {
    let mut variables = Variables::new();
    let mut add = |section: Command| {
        for arg in section.get_arguments() {
            let Some(name) = arg.get_env() else { continue };
            let defaults: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
            variables.entry(name.to_string_lossy().into_owned()).or_default().insert(defaults.join(","));
        }
    };
    add(ApiConfig::augment_args(Command::new("api")));
    add(AzureConfig::augment_args(Command::new("azure")));
    add(BudgetConfig::augment_args(Command::new("budget")));
    add(DurabilityConfig::augment_args(Command::new("durability")));
    add(JobsConfig::augment_args(Command::new("jobs")));
    add(LoggingConfig::augment_args(Command::new("logging")));
    add(OpenAiConfig::augment_args(Command::new("openai")));
    add(RedisConfig::augment_args(Command::new("redis")));
    add(WorkerConfig::augment_args(Command::new("worker")));
    variables
}

fn path(relative: &str) -> String {
    format!("{}/../{relative}", env!("CARGO_MANIFEST_DIR"))
}

/// What the file says, in lines `NAME=value` and `# NAME=value`.
fn documented() -> BTreeMap<String, String> {
    let text = fs::read_to_string(path(".env.example")).unwrap();
    let mut variables = BTreeMap::new();
    for line in text.lines() {
        let Some((name, value)) = line.trim_start_matches("# ").split_once('=') else { continue };
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_') {
            continue;
        }
        assert_eq!(variables.insert(name.to_owned(), value.to_owned()), None, "{name} is there twice");
    }
    variables
}

#[test]
fn names_the_variables_that_are_read_and_no_others() {
    let documented: BTreeSet<_> = documented().into_keys().collect();
    let configured: BTreeSet<_> = configured().into_keys().collect();
    let missing: Vec<_> = configured.difference(&documented).collect();
    let unknown: Vec<_> = documented.difference(&configured).collect();
    assert!(missing.is_empty() && unknown.is_empty(), "missing: {missing:?}; nobody reads: {unknown:?}");
}

#[test]
fn says_the_defaults_that_hold() {
    let configured = configured();
    for (name, value) in documented() {
        let recommended = RECOMMENDED.iter().any(|(of, recommended)| *of == name && *recommended == value);
        let default = configured.get(&name).is_some_and(|defaults| defaults.contains(&value));
        assert!(recommended || default, "{name}={value}, but the default is {:?}", configured.get(&name));
    }
}

/// A section that is not listed above would go unseen: every variable in its source must be known.
#[test]
fn every_section_is_compared() {
    let configured = configured();
    for entry in fs::read_dir(path("shared/src/config")).unwrap() {
        let source = fs::read_to_string(entry.unwrap().path()).unwrap();
        for name in source.split("env = \"").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(configured.contains_key(name), "add the section with {name} to `configured`");
        }
    }
}
