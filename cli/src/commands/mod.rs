//! A file or folder for each verb. A new verb is a variant here and its arm in [`Command::run`].

mod bench;
mod dev;

use std::process::ExitCode;

use clap::Subcommand;

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Measure and print figures
    #[command(subcommand)]
    Bench(bench::BenchCommand),
    /// Start the whole system on this machine and make flashcards of a lesson
    Dev(dev::DevArgs),
}

impl Command {
    /// Does it. An error is shown to the operator and ends the process with 1.
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Bench(command) => command.run().await,
            Self::Dev(args) => dev::run(args).await,
        }
    }
}
