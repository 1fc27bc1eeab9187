//! The command that changes the number of replicas.

use std::{process::Stdio, time::Duration};

use anyhow::{Context, bail};
use shared::scaling::Service;
use tokio::{process::Command, time::timeout};

/// A command that takes longer is ended.
const PATIENCE: Duration = Duration::from_mins(2);
/// As much as is told of what a command that failed said.
const TOLD: usize = 500;

/// A command with places for what is decided. Only values of our own are put there: names of services, numbers and a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template(String);

/// Reads a template: every place is known, and the number of replicas is in it.
pub(super) fn template(text: &str) -> Result<Template, String> {
    let filled = fill(text, "service", 1, "region");
    // Braces of the shell, `${HOME}` say, are its own.
    let unknown = filled.match_indices('{').any(|(at, _)| {
        let word = filled[at + 1..].split('}').next().unwrap_or_default();
        !filled[..at].ends_with('$') && !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase())
    });
    if unknown {
        return Err("the places are {service}, {replicas} and {region}".to_owned());
    }
    if !text.contains("{replicas}") {
        return Err("{replicas} must be in it".to_owned());
    }
    Ok(Template(text.to_owned()))
}

fn fill(template: &str, service: &str, replicas: u32, region: &str) -> String {
    let replicas = replicas.to_string();
    template.replace("{service}", service).replace("{replicas}", &replicas).replace("{region}", region)
}

impl Template {
    pub(super) fn fill(&self, service: Service, replicas: u32, region: &str) -> String {
        fill(&self.0, service.as_str(), replicas, region)
    }
}

/// Runs a command by the shell, to its end.
pub(super) async fn run(command: &str) -> anyhow::Result<()> {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(PATIENCE, shell.output()).await;
    let output = output.with_context(|| format!("it did not end within {} s", PATIENCE.as_secs()))??;
    if output.status.success() {
        return Ok(());
    }
    let said: String = String::from_utf8_lossy(&output.stderr).trim().chars().take(TOLD).collect();
    bail!("{}: {}", output.status, crate::output::plain(&said))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled() {
        let template = template("railway scale --service {service} {region}={replicas}").unwrap();
        assert_eq!(template.fill(Service::Api, 3, "eu-west"), "railway scale --service api eu-west=3");
        assert!(super::template("HOME=${HOME} scale {replicas}").is_ok());
    }

    #[test]
    fn a_place_that_is_unknown_or_missing_is_wrong_usage() {
        for text in ["scale {service}", "scale {replica} {replicas}", ""] {
            assert!(template(text).is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn a_command_that_fails_is_told_with_what_it_said() {
        run("true").await.unwrap();
        let error = run("echo no such service >&2; exit 3").await.unwrap_err().to_string();
        assert!(error.contains("exit status: 3") && error.ends_with("no such service"), "{error}");
    }
}
