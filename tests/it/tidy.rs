//! House rules that a reader can check, checked.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The sources of every member, by path from the top.
fn sources(ending: &str) -> Vec<(PathBuf, String)> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for member in ["api", "cli", "lab", "shared", "tests", "worker"] {
        collect(&top.join(member), ending, &mut files);
    }
    assert!(!files.is_empty());
    files
        .into_iter()
        .map(|path| (path.strip_prefix(top).unwrap().to_owned(), fs::read_to_string(&path).unwrap()))
        .collect()
}

fn collect(folder: &Path, ending: &str, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, ending, files);
        } else if path.extension().is_some_and(|extension| extension == ending) {
            files.push(path);
        }
    }
}

fn offenders(ending: &str, offends: impl Fn(&Path, &str) -> bool) -> Vec<PathBuf> {
    let files = sources(ending).into_iter();
    files.filter(|(path, text)| offends(path, text)).map(|(path, _)| path).collect()
}

const NONE: [PathBuf; 0] = [];

#[test]
fn files_fit_in_one_head() {
    assert_eq!(offenders("rs", |_, text| text.lines().count() > 500), NONE);
    // A script is one file with its header, which may describe many arguments.
    assert_eq!(offenders("lua", |_, text| text.lines().count() > 200), NONE);
}

#[test]
fn every_script_and_every_module_says_what_it_is_for() {
    assert_eq!(offenders("lua", |_, text| !text.starts_with("-- ")), NONE);
    assert_eq!(offenders("rs", |_, text| !text.starts_with("//! ")), NONE);
}

#[test]
fn apalis_stays_in_the_queue() {
    let elsewhere = |path: &Path, text: &str| {
        let allowed = ["shared/src/queue", "tests/it/conformance", "tests/it/tidy.rs"];
        !allowed.iter().any(|folder| path.starts_with(folder)) && text.contains("apalis")
    };
    assert_eq!(offenders("rs", elsewhere), NONE);
}

#[test]
fn nothing_is_ignored_or_silenced_without_a_reason() {
    let marks = [concat!("#[", "ignore"), concat!("#[", "allow"), concat!("todo", "!("), concat!("FIX", "ME")];
    assert_eq!(offenders("rs", |_, text| marks.iter().any(|mark| text.contains(mark))), NONE);
}

#[test]
fn folders_have_no_junk_drawers() {
    let junk = |path: &Path| {
        path.file_stem().is_some_and(|name| {
            ["util", "utils", "helper", "helpers", "common", "misc"].iter().any(|junk| name == *junk)
        })
    };
    assert_eq!(offenders("rs", |path, _| junk(path)), NONE);
}

#[test]
fn scripts_take_their_time_from_redis_alone() {
    let local_time = |_: &Path, text: &str| text.contains("os.time") || text.contains("os.clock");
    assert_eq!(offenders("lua", local_time), NONE);
}

/// What the Dockerfile builds: nothing for tests is compiled into it.
#[test]
fn what_ships_has_no_code_for_tests() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let dockerfile = fs::read_to_string(top.join("Dockerfile")).unwrap();
    let (_, build) = dockerfile.split_once("cargo build --locked --release ").unwrap();
    let packages = build.lines().next().unwrap().trim_end_matches('\\').split_whitespace();
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--edges=normal,build,features", "--prefix=none"])
        .args(packages)
        .current_dir(top)
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).unwrap();
    let crates: BTreeSet<&str> = tree.lines().filter_map(|line| line.split_once(" v").map(|(name, _)| name)).collect();
    assert!(crates.contains("shared") && crates.contains("unilingo"), "{crates:?}");
    assert!(!crates.contains("lab") && !crates.contains("integration-tests"), "{crates:?}");
    assert!(!tree.contains("shared feature \"testing\""), "the feature `testing` ships");
}
