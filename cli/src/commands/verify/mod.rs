//! `unilingo verify`: whether a deployed api is as it should be, seen from outside.

mod checks;

use std::{fmt, process::ExitCode, time::Duration};

use anyhow::Context;
use clap::Args;
use console::style;
use reqwest::Url;
use serde::Serialize;

use self::checks::Site;
use crate::output::{self, plain};

const EXAMPLES: &str = "\
Examples:
  unilingo verify https://api.example.org
  unilingo verify http://localhost:3001 --json

Nothing is asked for but what anybody may ask for; no job is made where the api is as it should be.
Exit codes: 0 all is well; 1 something is not; 2 wrong usage.";

/// Which api is looked at.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct VerifyArgs {
    /// Where it is: an address such as `https://api.example.org`
    #[arg(value_parser = parse)]
    url: Url,

    /// How long an answer may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=120))]
    timeout: u64,

    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
}

fn parse(text: &str) -> Result<Url, String> {
    let url: Url = text.parse().map_err(|error| format!("{error}: https://api.example.org is expected"))?;
    if ["http", "https"].contains(&url.scheme()) && url.has_host() {
        Ok(url)
    } else {
        Err("an address with http or https is expected".to_owned())
    }
}

/// What a check came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Check {
    name: &'static str,
    ok: bool,
    found: String,
}

pub(super) async fn run(args: VerifyArgs) -> anyhow::Result<ExitCode> {
    let http = reqwest::Client::builder()
        .timeout(Duration::from_secs(args.timeout))
        .redirect(reqwest::redirect::Policy::none())
        .user_agent("unilingo-verify")
        .build()
        .context("no HTTP client")?;
    let checks = Site { http, url: args.url }.check().await;
    let well = checks.iter().all(|check| check.ok);
    if args.json {
        output::line(serde_json::json!({ "checks": checks, "ok": well }));
    } else {
        output::line(Report(&checks));
    }
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

struct Report<'a>(&'a [Check]);

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = output::width("", self.0.iter().map(|check| check.name));
        for check in self.0 {
            let mark = if check.ok { style("✓").green() } else { style("✗").red() };
            writeln!(f, "{mark} {:<width$}  {}", check.name, plain(&check.found))?;
        }
        let bad = self.0.iter().filter(|check| !check.ok).count();
        write!(f, "\n{} checks passed, {bad} failed", self.0.len() - bad)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        verify: VerifyArgs,
    }

    #[test]
    fn an_address_is_of_the_web() {
        for (url, right) in [
            ("https://api.example.org", true),
            ("http://localhost:3001", true),
            ("api.example.org", false),
            ("ftp://x", false),
        ] {
            assert_eq!(Cli::try_parse_from(["unilingo", url]).is_ok(), right, "{url}");
        }
    }

    #[test]
    fn what_is_wrong_is_marked_and_counted() {
        let check = |name, ok| Check { name, ok, found: "found\u{1b}".to_owned() };
        let report = Report(&[check("one", true), check("another", false)]).to_string();
        let report = console::strip_ansi_codes(&report);
        assert_eq!(report, "✓ one      found\n✗ another  found\n\n1 checks passed, 1 failed");
    }
}
