//! `unilingo jobs`: looking at jobs, and cancelling them.

mod cancel;
mod list;
mod show;

use std::process::ExitCode;

use clap::{
    Args, Subcommand,
    builder::{PossibleValuesParser, TypedValueParser},
};
use shared::{
    config::JobsConfig,
    job::{JobId, JobState, QueueName},
};

use super::{queue::queue_names, system::SystemArgs, user_name::user_name};

const EXAMPLES: &str = "\
Examples:
  unilingo jobs list                                       the newest fifty of each queue
  unilingo jobs list --state active --queue ai-jobs
  unilingo jobs list --user ada --limit 10 --json
  unilingo jobs show 0198c0de-7a10-7abc-8def-0123456789ab  where it stands, and every attempt that failed
  unilingo jobs cancel 0198c0de-7a10-7abc-8def-0123456789ab

Texts of learners, and what they came to, are never shown: of these there are sizes.
Exit codes: 0 done; 1 failed; 2 wrong usage; 3 nothing matched, or some could not be cancelled.";

/// What is done with jobs.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum JobsCommand {
    /// List jobs, the newest first
    #[command(after_help = EXAMPLES)]
    List(ListArgs),
    /// Show a job: where it stands, and what went wrong with it
    #[command(after_help = EXAMPLES)]
    Show(ShowArgs),
    /// Cancel jobs, wherever they stand: one that waits never starts, one that runs is ended
    #[command(after_help = EXAMPLES)]
    Cancel(CancelArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// In this queue
    #[arg(long, value_name = "QUEUE", value_parser = queue_names())]
    queue: Option<QueueName>,

    /// In this state
    #[arg(long, value_parser = states())]
    state: Option<JobState>,

    /// Of this user: the newest thousand that were asked for through the API are known as the user's
    #[arg(long, value_parser = user_name)]
    user: Option<String>,

    /// Of this kind, such as `generate-flashcards`
    #[arg(long)]
    kind: Option<String>,

    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,

    #[command(flatten)]
    system: SystemArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The job
    id: JobId,
    #[command(flatten)]
    system: SystemArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CancelArgs {
    /// The jobs
    #[arg(required = true, value_name = "ID")]
    ids: Vec<JobId>,
    #[command(flatten)]
    system: SystemArgs,
    #[command(flatten)]
    jobs: JobsConfig,
}

fn states() -> impl TypedValueParser<Value = JobState> {
    PossibleValuesParser::new(JobState::ALL.map(JobState::as_str)).try_map(|state| state.parse::<JobState>())
}

impl JobsCommand {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::List(args) => list::run(args).await,
            Self::Show(args) => show::run(args).await,
            Self::Cancel(args) => cancel::run(args).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(subcommand)]
        command: JobsCommand,
    }

    #[test]
    fn states_go_by_their_names() {
        Cli::command().debug_assert();
        let parse = |words: &[&str]| Cli::try_parse_from([&["unilingo"], words].concat());
        for state in JobState::ALL {
            let command = parse(&["list", "--state", state.as_str()]).unwrap().command;
            assert!(matches!(command, JobsCommand::List(ListArgs { state: Some(seen), .. }) if seen == state));
        }
        for words in [&["list", "--state", "dead"][..], &["cancel"], &["show", "x"]] {
            assert_eq!(parse(words).unwrap_err().exit_code(), 2, "{words:?}");
        }
    }
}
