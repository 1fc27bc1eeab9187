//! `unilingo queue`: pausing a queue.

use std::{fmt, process::ExitCode};

use clap::{
    Args, Subcommand,
    builder::{PossibleValuesParser, TypedValueParser},
};
use serde::Serialize;
use shared::{
    job::QueueName,
    queue::{QueueStatus, pause_queue, queue_status, resume_queue},
};

use super::system::SystemArgs;

const EXAMPLES: &str = "\
Examples:
  unilingo queue pause ai-jobs     new jobs are accepted and wait; those that run go on
  unilingo queue resume ai-jobs
  unilingo queue show ai-jobs --json";

/// What is done with a queue, for the whole fleet.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum QueueCommand {
    /// Show whether a queue is paused, and how many jobs wait in it
    #[command(after_help = EXAMPLES)]
    Show(QueueArgs),
    /// Give out no more jobs until `queue resume`
    #[command(after_help = EXAMPLES)]
    Pause(QueueArgs),
    /// Give out jobs again
    #[command(after_help = EXAMPLES)]
    Resume(QueueArgs),
}

#[derive(Debug, Args)]
pub(crate) struct QueueArgs {
    /// Which queue
    #[arg(value_name = "QUEUE", value_parser = queue_names())]
    name: QueueName,

    #[command(flatten)]
    system: SystemArgs,
}

/// The names of the queues.
pub(super) fn queue_names() -> impl TypedValueParser<Value = QueueName> {
    PossibleValuesParser::new(QueueName::ALL.map(QueueName::as_str))
        .try_map(|name| QueueName::from_name(&name).ok_or("no queue has this name"))
}

impl QueueCommand {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let (Self::Show(args) | Self::Pause(args) | Self::Resume(args)) = &self;
        let (redis, keys, name) = (args.system.redis()?, args.system.keys(), args.name);
        match self {
            Self::Show(_) => {}
            Self::Pause(_) => pause_queue(&redis, &keys, name).await?,
            Self::Resume(_) => resume_queue(&redis, &keys, name).await?,
        }
        let QueueStatus { paused, waiting } = queue_status(&redis, &keys, name).await?;
        let shown = Shown { queue: name.as_str(), paused, waiting };
        args.system.answer(&shown, &shown)
    }
}

/// A queue as it is shown.
#[derive(Debug, Serialize)]
struct Shown {
    queue: &'static str,
    paused: bool,
    /// Jobs that wait for a worker or for a time.
    waiting: u64,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { queue, waiting, .. } = self;
        let state = if self.paused { "paused" } else { "not paused" };
        write!(f, "{queue:<12}{state}\nwaiting     {waiting}")
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser, error::ErrorKind};

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(subcommand)]
        command: QueueCommand,
    }

    #[test]
    fn a_queue_goes_by_the_name_that_the_app_knows() {
        Cli::command().debug_assert();
        for queue in QueueName::ALL {
            let command = Cli::try_parse_from(["unilingo", "pause", queue.as_str()]).unwrap().command;
            assert!(matches!(command, QueueCommand::Pause(QueueArgs { name, .. }) if name == queue));
        }
    }

    #[test]
    fn no_queue_and_an_unknown_one_are_wrong_usage() {
        let error = Cli::try_parse_from(["unilingo", "resume"]).unwrap_err();
        assert_eq!((error.kind(), error.exit_code()), (ErrorKind::MissingRequiredArgument, 2));
        let error = Cli::try_parse_from(["unilingo", "resume", "ai"]).unwrap_err();
        assert_eq!((error.kind(), error.exit_code()), (ErrorKind::InvalidValue, 2));
        assert!(error.to_string().contains("[possible values: ai-jobs, audio-jobs]"), "{error}");
    }

    #[test]
    fn shows_the_pause_and_who_waits() {
        let shown = Shown { queue: "audio-jobs", paused: true, waiting: 7 };
        assert_eq!(shown.to_string(), "audio-jobs  paused\nwaiting     7");
        let shown = Shown { paused: false, ..shown };
        assert_eq!(shown.to_string(), "audio-jobs  not paused\nwaiting     7");
    }
}
