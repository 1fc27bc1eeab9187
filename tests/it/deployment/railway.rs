//! `railway.json` and its siblings, and `.railway/`.

use serde_json::Value;

use super::{assert_program, assert_variable, least_patience, read};

const SERVICES: [(&str, &str); 3] = [
    ("railway.json", "api"),
    ("railway.flashcard-worker.json", "flashcard-worker"),
    ("railway.pronunciation-worker.json", "pronunciation-worker"),
];
const PROJECT: &str = ".railway/railway.ts";

#[test]
fn each_service_has_a_file_that_says_what_the_platform_must_know() {
    for (file, program) in SERVICES {
        let config: Value = serde_json::from_str(&read(file)).unwrap();
        assert_eq!(config["$schema"], "https://railway.com/railway.schema.json", "{file}");
        let build = &config["build"];
        assert_eq!(
            (&build["builder"], &build["dockerfilePath"]),
            (&"DOCKERFILE".into(), &"Dockerfile".into()),
            "{file}"
        );
        let deploy = &config["deploy"];
        let start = deploy["startCommand"].as_str().unwrap();
        assert_program(start);
        assert!(start.starts_with("/usr/local/bin/") && start.ends_with(program), "{file}: {start}");
        assert!(!start.contains(['$', ' ']), "{file}: exec form expands nothing");
        let number = |name: &str| deploy[name].as_u64().unwrap_or_else(|| panic!("{file}: {name} is no number"));
        assert!(number("drainingSeconds") >= least_patience(), "{file}");
        assert!(number("overlapSeconds") > 0, "{file}");
        let others = ["numReplicas", "healthcheckTimeout", "restartPolicyMaxRetries"].map(number);
        assert_eq!(others, [1, 10, 10], "{file}");
        assert_eq!(deploy["restartPolicyType"], "ON_FAILURE", "{file}");
        // Both the api and a worker's own server answer it.
        assert_eq!(deploy["healthcheckPath"], "/api/health", "{file}");
    }
    let document: Value = serde_json::from_str(&read("docs/openapi.json")).unwrap();
    assert!(document["paths"]["/api/health"]["get"].is_object());
    assert!(read("worker/src/health/mod.rs").contains("\"/api/health\""));
}

#[test]
fn the_project_describes_all_services_with_variables_that_are_read() {
    let project = read(PROJECT);
    for (_, program) in SERVICES {
        assert!(project.contains(&format!("service(\"{program}\"")), "{program}");
        assert!(project.contains(&format!("start: \"/usr/local/bin/{program}\"")), "{program}");
    }
    let set: Vec<(&str, &str)> = project
        .lines()
        .filter_map(|line| line.trim().split_once(": "))
        .filter(|(name, _)| name.len() > 3 && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'))
        .collect();
    for (name, value) in &set {
        assert_variable(name);
        let secret = ["KEY", "TOKEN", "SECRET"].iter().any(|end| name.ends_with(end));
        assert!(!secret || *value == "preserve(),", "{name} is kept where the platform keeps it, and not here");
    }
    for wanted in [
        ("TRUSTED_PROXIES", "\"1\","),
        ("LEGACY_WAIT_SECONDS", "\"55\","),
        ("REDIS_URL", "cache.env.REDIS_URL,"),
        ("OPENAI_API_KEY", "preserve(),"),
        ("AZURE_SPEECH_KEY", "preserve(),"),
    ] {
        assert!(set.contains(&wanted), "{wanted:?}: {set:?}");
    }
    let draining = project.split_once("drainingSeconds: ").unwrap().1.split_once(',').unwrap().0;
    assert!(draining.parse::<u64>().unwrap() >= least_patience());
}

#[test]
fn its_packages_are_locked_and_from_wherever_the_registry_is() {
    let lock: Value = serde_json::from_str(&read(".railway/package-lock.json")).unwrap();
    let packages = lock["packages"].as_object().unwrap();
    assert_eq!(packages["node_modules/railway"]["version"], "3.11.0");
    for (name, package) in packages.iter().filter(|(name, _)| !name.is_empty()) {
        assert!(package["integrity"].is_string(), "{name}");
        assert!(package.get("resolved").is_none(), "{name} names a host");
    }
}
