//! `Dockerfile`, `.dockerignore` and `compose.yaml`.

use std::{collections::BTreeSet, fs};

use yaml_rust2::{Yaml, YamlLoader};

use super::{assert_program, assert_variable, least_patience, programs, read, top, variables};

/// The instructions of the Dockerfile, each on a line of its own.
fn instructions() -> Vec<(String, String)> {
    let file = read("Dockerfile").replace("\\\n", " ");
    let lines = file.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split_once(' ').unwrap()).map(|(word, rest)| (word.to_owned(), rest.to_owned())).collect()
}

#[test]
fn the_image_has_every_program_and_runs_as_nobody_special() {
    let all = instructions();
    let last = all.iter().rposition(|(word, _)| word == "FROM").unwrap();
    let (before, stage) = all.split_at(last);
    let find = |word: &str| stage.iter().find(|(of, _)| of == word).map(|(_, rest)| rest.as_str());
    let user = find("USER").expect("a user");
    assert!(!["root", "0"].contains(&user), "{user}");
    // A shell between would keep SIGTERM to itself.
    let command: Vec<String> = serde_json::from_str(find("CMD").unwrap()).expect("exec form");
    assert_eq!(command.len(), 1);
    assert_program(&command[0]);
    assert!(find("ENTRYPOINT").is_none(), "a platform's start command is the whole command");
    assert_eq!(find("COPY"), Some("--from=builder /programs/ /usr/local/bin/"));

    let copied = before.iter().find_map(|(word, rest)| (word == "RUN").then(|| rest.split_once("cp ")).flatten());
    let copied: BTreeSet<_> = copied.unwrap().1.trim_end_matches(" /programs").split(' ').map(str::to_owned).collect();
    assert_eq!(copied, programs());
    let toolchain = read("rust-toolchain.toml");
    let channel = toolchain.split('"').nth(1).unwrap();
    assert!(before[0].1.starts_with(&format!("rust:{channel}-")), "{:?}, and {channel}", before[0]);
    let members = ["api", "worker", "unilingo"].map(|package| format!(" -p {package}")).concat();
    let built = before.iter().filter(|(_, rest)| rest.contains(&members)).count();
    assert_eq!(built, 2, "dependencies and programs are built of the same packages, or everything is built twice");
}

/// Paths that stay out of an image's layers, or not, by the `.dockerignore`.
fn is_sent(path: &str) -> bool {
    let file = read(".dockerignore");
    let patterns: Vec<&str> = file.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert_eq!(patterns[0], "*", "everything stays out but what is named");
    let first = path.split('/').next().unwrap();
    patterns.contains(&format!("!{first}").as_str())
}

#[test]
fn the_build_gets_what_it_reads_and_no_secret() {
    for path in [".env", ".git/config", ".dev/redis", "target/debug/api", "node_modules/x"] {
        assert!(!is_sent(path), "{path}");
    }
    let manifest = read("Cargo.toml");
    let members = manifest.split_once("members = [").unwrap().1.split_once(']').unwrap().0;
    for member in members.split(", ").map(|name| name.trim_matches('"')).chain(["Cargo.toml", "Cargo.lock"]) {
        assert!(is_sent(member), "{member}");
    }
    // What sources include from outside of their own folder.
    let mut files = Vec::new();
    for member in ["api", "cli", "shared", "worker"] {
        collect(&top().join(member), &mut files);
    }
    for (path, text) in files {
        for included in text.split("include_str!(\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            // What is not there stands in a comment: else nothing would compile.
            let Ok(whole) = path.parent().unwrap().join(included).canonicalize() else { continue };
            let from_top = whole.strip_prefix(top().canonicalize().unwrap()).unwrap().to_str().unwrap().to_owned();
            assert!(is_sent(&from_top), "{} includes {from_top}", path.display());
        }
    }
}

fn collect(folder: &std::path::Path, files: &mut Vec<(std::path::PathBuf, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push((path.clone(), fs::read_to_string(path).unwrap()));
        }
    }
}

/// A field of a service, or of what it is merged with (`<<`).
fn field<'a>(service: &'a Yaml, name: &str) -> &'a Yaml {
    if service[name].is_badvalue() { &service["<<"][name] } else { &service[name] }
}

fn words(list: &Yaml) -> Vec<&str> {
    list.as_vec().unwrap_or_else(|| panic!("{list:?} is no list")).iter().map(|word| word.as_str().unwrap()).collect()
}

#[test]
fn compose_starts_the_whole_system_as_often_as_asked() {
    let documents = YamlLoader::load_from_str(&read("compose.yaml")).unwrap();
    let services = documents[0]["services"].as_hash().unwrap();
    let names: Vec<_> = services.keys().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(names, ["redis", "api", "flashcard-worker", "pronunciation-worker"]);
    for (name, service) in services.iter().map(|(name, service)| (name.as_str().unwrap(), service)) {
        // Either would let one replica start and no second one.
        assert!(field(service, "container_name").is_badvalue(), "{name}");
        let ports = field(service, "ports");
        if name == "api" {
            assert_eq!(words(ports), ["127.0.0.1:3001-3010:3001"], "a range, on this machine alone");
        } else {
            assert!(ports.is_badvalue(), "{name}");
        }
        if name == "redis" {
            let command = words(field(service, "command")).join(" ");
            for kept in ["--appendonly yes", "--maxmemory-policy noeviction"] {
                assert!(command.contains(kept), "{command}");
            }
            assert_eq!(words(field(service, "volumes")), ["redis:/data"]);
            continue;
        }
        let command = words(field(service, "command"));
        assert_eq!(command, [format!("/usr/local/bin/{name}")]);
        assert_program(command[0]);
        let patience = field(service, "stop_grace_period").as_str().unwrap();
        assert!(patience.strip_suffix('s').unwrap().parse::<u64>().unwrap() >= least_patience(), "{name}");
        assert_eq!(field(service, "depends_on")["redis"]["condition"].as_str(), Some("service_healthy"), "{name}");
        let set = field(service, "environment");
        for (variable, value) in set.as_hash().unwrap() {
            assert_variable(variable.as_str().unwrap());
            assert!(value.as_str().is_some(), "{variable:?} of {name} is text");
        }
        assert_eq!(set["REDIS_URL"].as_str(), Some("redis://redis:6379"), "{name}");
    }
    let api = &documents[0]["services"]["api"]["environment"];
    let recommended = &variables()["LEGACY_WAIT_SECONDS"];
    assert_eq!(api["LEGACY_WAIT_SECONDS"].as_str(), Some(format!("${{LEGACY_WAIT_SECONDS:-{recommended}}}").as_str()));
}
