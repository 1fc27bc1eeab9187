//! Every rendered script: `docs/scripts` shows it, Lua 5.1 compiles it, and it stays within Lua's limits.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Scripts by name, as `build.rs` has put them together.
const ALL: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/lua_scripts.rs"));
/// Lua allows a function 200 locals; fragments need some room to grow.
const LOCALS_MAX: usize = 180;
/// Globals that Redis gives a script.
const GLOBALS: [&str; 17] = [
    "ARGV", "KEYS", "cjson", "error", "ipairs", "math", "next", "pairs", "pcall", "redis", "select", "string", "table",
    "tonumber", "tostring", "type", "unpack",
];

fn is_test(name: &str) -> bool {
    name.contains("/tests/")
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/scripts")
}

/// What `luac` lists of a script: its instructions and locals.
fn listing(name: &str) -> String {
    let file = PathBuf::from(env!("OUT_DIR")).join("lua").join(format!("{name}.lua"));
    let output = Command::new("luac5.1")
        .args(["-l", "-l", "-p"])
        .arg(&file)
        .output()
        .expect("luac5.1 runs; ./check installs it (Debian: apt-get install lua5.1)");
    assert!(output.status.success(), "{name} does not compile: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The most locals of the script itself that are in scope at once.
fn locals(listing: &str) -> usize {
    let mut lines = listing.lines().skip_while(|line| !line.starts_with("locals ("));
    let count = lines.next().and_then(|line| line.split(['(', ')']).nth(1)?.parse().ok()).unwrap_or(0);
    let spans: Vec<(u32, u32)> = lines
        .take(count)
        .filter_map(|line| {
            // The name of a hidden local of a loop, such as `(for index)`, has a space.
            let mut words = line.split_whitespace().rev();
            let end = words.next()?.parse().ok()?;
            Some((words.next()?.parse().ok()?, end))
        })
        .collect();
    assert_eq!(spans.len(), count, "the listing is not read right");
    spans.iter().map(|(at, _)| spans.iter().filter(|(from, to)| from <= at && at < to).count()).max().unwrap_or(0)
}

/// The globals that a script reads or writes.
fn globals(listing: &str) -> BTreeSet<&str> {
    let accesses = listing.lines().filter(|line| line.contains("ETGLOBAL"));
    accesses.filter_map(|line| line.rsplit("; ").next()).map(str::trim).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn scripts_compile_name_no_unknown_global_and_leave_room_for_locals() {
    for (name, _) in ALL {
        let listing = listing(name);
        let unknown: Vec<&str> = globals(&listing).into_iter().filter(|global| !GLOBALS.contains(global)).collect();
        assert!(unknown.is_empty(), "{name} uses what no fragment of it defines: {unknown:?}");
        let locals = locals(&listing);
        assert!(locals <= LOCALS_MAX, "{name} has {locals} locals: hide some of a fragment's in a function");
    }
}

#[test]
fn the_listing_tells_globals_and_locals() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("probe.lua");
    fs::write(
        &file,
        "local a, b = KEYS[1], 2\ndo local c = a end\nlocal function f() local x, y, z = b end\nmissing(f)",
    )
    .unwrap();
    let output = Command::new("luac5.1").args(["-l", "-l", "-p"]).arg(&file).output().unwrap();
    let listing = String::from_utf8(output.stdout).unwrap();
    assert_eq!((locals(&listing), globals(&listing)), (3, BTreeSet::from(["KEYS", "missing"])));
}

#[test]
fn every_script_has_a_header_and_docs_scripts_is_current() {
    let folder = folder();
    let mut expected = BTreeSet::new();
    for (name, text) in ALL.iter().filter(|(name, _)| !is_test(name)) {
        for word in ["-- KEYS  1 root", "-- Returns "] {
            assert!(text.contains(word), "{name} does not say {word:?} at its head");
        }
        let file = folder.join(format!("{name}.lua"));
        if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, text).unwrap();
        }
        let same = fs::read_to_string(&file).is_ok_and(|committed| committed == *text);
        assert!(
            same,
            "docs/scripts/{name}.lua is not what the sources say. Renew it and look at its difference:\n\
             UPDATE_SNAPSHOTS=1 cargo nextest run -p shared --features testing docs_scripts"
        );
        expected.insert(file);
    }
    let mut left = files(&folder);
    left.retain(|file| !expected.contains(file));
    assert!(left.is_empty(), "no script is rendered to {left:?}");
}
