//! `unilingo`, the operator's command line: everything below its `main`, and what `lab` does in the same way.

mod commands;
#[cfg(test)]
mod env_example;
pub mod output;
mod program;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

pub use self::{commands::assess, program::run_program};
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

/// Runs `unilingo`: parses its command line and does what it asks for.
#[must_use]
pub fn main() -> ExitCode {
    run_program(|cli: Cli| cli.command.run())
}

/// All commands, as their completion needs them.
fn cli() -> clap::Command {
    Cli::command()
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
        assert!(found.len() > 30, "{}", found.len());
        let (mut bare, mut mute) = (Vec::new(), Vec::new());
        for (path, mut command) in found.into_iter().filter(|(_, command)| !command.is_hide_set()) {
            let help = command.render_long_help().to_string();
            if !help.contains("Example") {
                bare.push(path.clone());
            }
            if path != "unilingo completions" && !help.contains("--json") {
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
