//! `unilingo`: the operator's command line.

mod commands;
#[cfg(test)]
mod env_example;
mod output;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use shared::startup::without_secret;

use crate::commands::Command;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed: the reason is on standard error
  2  wrong usage, or consent is needed and nobody can be asked (--yes)
  3  nothing matched, or not all of it could be done

Operators' commands reach a running system by REDIS_URL and QUEUE_PREFIX, and print one JSON document
with --json. Colours come where a terminal is, unless NO_COLOR is set.";

/// Runs UniLingo and looks after its queue
#[derive(Debug, Parser)]
#[command(name = "unilingo", version, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Help and version, or wrong usage: an address with its password is not repeated.
        Err(error) if error.use_stderr() => {
            output::error(without_secret(&error, &mut Cli::command()).trim_end());
            return ExitCode::from(2);
        }
        Err(error) => error.exit(),
    };
    shared::tls::install();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    match runtime.block_on(cli.command.run()) {
        Ok(code) => code,
        Err(error) => failed(&error),
    }
}

/// All commands, as their completion needs them.
fn cli() -> clap::Command {
    Cli::command()
}

fn failed(error: &anyhow::Error) -> ExitCode {
    output::error(format_args!("error: {error:#}"));
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(command: &clap::Command, path: &str, found: &mut Vec<(String, clap::Command)>) {
        let below: Vec<_> = command.get_subcommands().filter(|below| below.get_name() != "help").collect();
        if below.is_empty() {
            found.push((path.to_owned(), command.clone()));
        }
        for below in below {
            leaves(below, &format!("{path} {}", below.get_name()), found);
        }
    }

    #[test]
    fn every_command_has_examples_and_those_of_operators_answer_programs() {
        let mut cli = cli();
        cli.clone().debug_assert();
        cli.build();
        let mut found = Vec::new();
        leaves(&cli, "unilingo", &mut found);
        assert!(found.len() > 40, "{}", found.len());
        let (mut bare, mut mute) = (Vec::new(), Vec::new());
        for (path, mut command) in found.into_iter().filter(|(_, command)| !command.is_hide_set()) {
            let help = command.render_long_help().to_string();
            if !help.contains("Example") {
                bare.push(path.clone());
            }
            let of_programs = path.starts_with("unilingo bench") || path.starts_with("unilingo chaos");
            if !of_programs && path != "unilingo dev" && path != "unilingo completions" && !help.contains("--json") {
                mute.push(path);
            }
        }
        assert_eq!((bare, mute), (Vec::<String>::new(), Vec::<String>::new()));
        let help = cli.render_long_help().to_string();
        for text in ["Exit codes:", "  3  nothing matched"] {
            assert!(help.contains(text), "{text} in {help}");
        }
    }
}
