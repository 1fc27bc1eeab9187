//! The files by which platforms start the programs: what they name exists, and what they promise is so. Where Node is,
//! `tests/railway.sh` holds `.railway/railway.ts` against the JSON files besides.

mod containers;
mod railway;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

/// What has to be left of the platform's patience when a process has used all of its own.
const MARGIN_SECONDS: u64 = 10;

fn top() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(top().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The programs that there are to deploy: what cargo builds without the feature `testing`.
fn programs() -> BTreeSet<String> {
    let mut programs = BTreeSet::from(["api".to_owned(), "unilingo".to_owned()]);
    for file in fs::read_dir(top().join("worker/src/bin")).unwrap() {
        programs.insert(file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned());
    }
    programs
}

/// What `.env.example` says of each variable; a test of `unilingo` compares it with the code.
fn variables() -> BTreeMap<String, String> {
    let file = read(".env.example");
    let pairs = file.lines().filter_map(|line| line.trim_start_matches("# ").split_once('='));
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    };
    pairs.filter(|(name, _)| is_name(name)).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn seconds(variable: &str) -> u64 {
    variables()[variable].parse().unwrap()
}

/// The least that a platform has to wait between SIGTERM and SIGKILL.
fn least_patience() -> u64 {
    let drain = seconds("DRAIN_SECONDS");
    assert!(drain > seconds("OPENAI_TIMEOUT_SECONDS"));
    drain + MARGIN_SECONDS
}

#[track_caller]
fn assert_program(path: &str) {
    let name = path.rsplit('/').next().unwrap();
    assert!(programs().contains(name), "{path}: there are {:?}", programs());
}

#[track_caller]
fn assert_variable(name: &str) {
    assert!(variables().contains_key(name), "{name} is not in .env.example");
}

#[test]
fn the_procfile_starts_every_service() {
    let file = read("Procfile");
    let lines: BTreeMap<_, _> = file.lines().map(|line| line.split_once(": ").unwrap()).collect();
    let names: Vec<_> = lines.keys().copied().collect();
    assert_eq!(names, ["flashcard_worker", "pronunciation_worker", "web"]);
    for (name, command) in lines {
        assert!(command.starts_with("target/release/"), "{name}: {command}");
        assert_program(command);
        assert!(name == "web" || command.ends_with(&name.replace('_', "-")), "{name}: {command}");
    }
}
