//! The rules of ops/alerts.yml, evaluated by promtool on pages that a process returned.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

use super::Scraped;

/// The first page is scraped this many times, a minute apart, and then the second one as often.
const SCRAPES: usize = 5;
/// Less than the ten minutes for which some conditions must hold before they raise an alert.
const END: &str = "9m";
/// Finds promtool, and fetches it where it is not installed.
const FIND: &str = "set -eu
. scripts/cargo.sh
. scripts/promtool.sh
require_promtool \"$(target_folder \"$PWD\")/promtool\"
echo \"$PROMTOOL\"";

/// Asserts that a worker with the first page and, minutes later, the second one raises `alert` and no
/// other alert.
pub(crate) fn assert_raises(alert: &str, first: &Scraped, second: &Scraped) {
    let firing = "count by (alertname) (ALERTS{alertstate=\"firing\"})";
    let sample = json!({ "labels": format!("{{alertname=\"{alert}\"}}"), "value": 1 });
    let test = json!({
        "rule_files": [top().join("ops/alerts.yml")],
        "evaluation_interval": "1m",
        "tests": [{
            "interval": "1m",
            "input_series": input(first, second),
            "promql_expr_test": [
                { "expr": firing, "eval_time": format!("{}m", SCRAPES - 1), "exp_samples": [] },
                { "expr": firing, "eval_time": END, "exp_samples": [sample] },
            ],
        }],
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("test.json");
    std::fs::write(&file, test.to_string()).unwrap();
    let output = Command::new(promtool()).args(["test", "rules"]).arg(&file).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{alert}: {}\n{}\n{}", String::from_utf8_lossy(&said), first.0, second.0);
}

/// The series of both pages as Prometheus stores them: a series that a page does not have has no sample then.
fn input(first: &Scraped, second: &Scraped) -> Vec<Value> {
    let (before, after) = (first.series(), second.series());
    let names = before.keys().chain(after.keys().filter(|series| !before.contains_key(*series)));
    let shown = names.map(|series| {
        let samples = [&before, &after].map(|page| {
            let sample = page.get(series).map_or_else(|| "_".to_owned(), f64::to_string);
            vec![sample; SCRAPES].join(" ")
        });
        json!({ "series": of_target(series), "values": samples.join(" ") })
    });
    shown.collect()
}

/// A series with the labels that Prometheus adds when it scrapes.
fn of_target(series: &str) -> String {
    let target = "job=\"flashcard-worker\",instance=\"w\"";
    match series.split_once('{') {
        Some((name, labels)) => format!("{name}{{{target},{labels}"),
        None => format!("{series}{{{target}}}"),
    }
}

fn promtool() -> PathBuf {
    let found = Command::new("bash").args(["-c", FIND]).current_dir(top()).output().unwrap();
    assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
    PathBuf::from(String::from_utf8(found.stdout).unwrap().trim())
}

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
