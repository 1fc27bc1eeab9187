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

Operators' commands reach a running system by REDIS_URL and QUEUE_PREFIX, and print one JSON document with --json. Colours come where
a terminal is, unless NO_COLOR is set.";

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
