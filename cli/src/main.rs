//! `unilingo`: the operator's command line.

mod commands;
#[cfg(test)]
mod env_example;
mod output;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use shared::startup::without_secret;

use crate::commands::Command;

/// Runs UniLingo and looks after its queue
#[derive(Debug, Parser)]
#[command(name = "unilingo", version)]
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

fn failed(error: &anyhow::Error) -> ExitCode {
    output::error(format_args!("error: {error:#}"));
    ExitCode::FAILURE
}
