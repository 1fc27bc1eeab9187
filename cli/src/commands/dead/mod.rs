//! `unilingo dead`: looking at dead letters, and removing them.

mod list;
mod purge;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use shared::{config::JobsConfig, job::JobId};

use super::{letters::FilterArgs, system::SystemArgs};

const EXAMPLES: &str = "\
Examples:
  unilingo dead list                                  the newest fifty
  unilingo dead list --error timeout --since 1d --limit 500 --json
  unilingo requeue --error timeout --since 1d         puts them back
  unilingo dead purge --until 30d                     removes what has been dead for thirty days, for good

Exit codes: 0 done; 1 failed; 2 wrong usage, or consent is needed; 3 nothing matched, or some stay.";

/// What is done with dead letters: jobs that failed for good. `unilingo requeue` puts them back.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum DeadCommand {
    /// List dead letters, newest first, with what they died of
    #[command(after_help = EXAMPLES)]
    List(Box<ListArgs>),
    /// Remove dead letters for good, with the texts and all that was kept of them
    #[command(after_help = EXAMPLES)]
    Purge(Box<PurgeArgs>),
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    system: SystemArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PurgeArgs {
    /// Jobs by their ids
    #[arg(value_name = "ID", conflicts_with_all = ["filter", "all"], required_unless_present_any = ["filter", "all"])]
    ids: Vec<JobId>,

    /// All dead letters
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    filter: FilterArgs,

    /// Don't ask
    #[arg(long, short)]
    yes: bool,

    #[command(flatten)]
    system: SystemArgs,
    #[command(flatten)]
    jobs: JobsConfig,
}

impl DeadCommand {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::List(args) => list::run(*args).await,
            Self::Purge(args) => purge::run(*args).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser, error::ErrorKind};

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(subcommand)]
        command: DeadCommand,
    }

    #[test]
    fn what_is_removed_must_be_named() {
        Cli::command().debug_assert();
        let error = |words: &[&str]| Cli::try_parse_from([&["unilingo"], words].concat()).unwrap_err().kind();
        assert_eq!(error(&["purge"]), ErrorKind::MissingRequiredArgument);
        assert_eq!(error(&["purge", "--all", "0198c0de-7a10-7abc-8def-0123456789ab"]), ErrorKind::ArgumentConflict);
        Cli::try_parse_from(["unilingo", "list"]).unwrap();
        Cli::try_parse_from(["unilingo", "purge", "--until", "30d"]).unwrap();
    }
}
