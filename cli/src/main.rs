//! `unilingo`: the operator's command line.

mod commands;
#[cfg(test)]
mod env_example;
mod output;

use std::process::ExitCode;

use clap::Parser;

use crate::commands::Command;

/// Runs UniLingo and looks after its queue
#[derive(Debug, Parser)]
#[command(name = "unilingo", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
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
