//! `unilingo queue`: counting what is in a queue, and pausing it.

use std::{fmt, process::ExitCode, time::Duration};

use clap::{
    Args, Subcommand,
    builder::{PossibleValuesParser, TypedValueParser},
};
use serde::Serialize;
use shared::{
    job::QueueName,
    queue::{QueueStatus, pause_queue, queue_status, resume_queue},
    workers::live_workers,
};

use super::system::SystemArgs;

const EXAMPLES: &str = "\
Examples:
  unilingo queue pause ai-jobs     new jobs are accepted and wait; those that run go on
  unilingo queue resume ai-jobs
  unilingo queue show ai-jobs --json
  unilingo queue stats             how many jobs of each queue stand where, and how old the oldest is";

/// What is done with a queue, for the whole fleet.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum QueueCommand {
    /// Show whether a queue is paused, and how many jobs wait in it
    #[command(after_help = EXAMPLES)]
    Show(QueueArgs),
    /// Count the jobs of a queue, or of all, by where they stand, and the workers that take them
    #[command(after_help = EXAMPLES)]
    Stats(StatsArgs),
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

#[derive(Debug, Args)]
pub(crate) struct StatsArgs {
    /// Which queue; all of them, where none is named
    #[arg(value_name = "QUEUE", value_parser = queue_names())]
    name: Option<QueueName>,

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
        let args = match &self {
            Self::Stats(args) => return stats(args).await,
            Self::Show(args) | Self::Pause(args) | Self::Resume(args) => args,
        };
        let (redis, keys, name) = (args.system.redis()?, args.system.keys(), args.name);
        match self {
            Self::Show(_) | Self::Stats(_) => {}
            Self::Pause(_) => pause_queue(&redis, &keys, name).await?,
            Self::Resume(_) => resume_queue(&redis, &keys, name).await?,
        }
        let QueueStatus { paused, waiting } = queue_status(&redis, &keys, name).await?;
        let shown = Shown { queue: name.as_str(), paused, waiting };
        args.system.answer(&shown, &shown)
    }
}

async fn stats(args: &StatsArgs) -> anyhow::Result<ExitCode> {
    let (queue, redis, keys) = (args.system.queue()?, args.system.redis()?, args.system.keys());
    let mut counted = Vec::new();
    for name in QueueName::ALL.into_iter().filter(|name| args.name.is_none_or(|wanted| wanted == *name)) {
        let figures = queue.figures(name, LATELY).await?;
        let workers = live_workers(&redis, &keys, name).await?.len();
        counted.push(Counted {
            queue: name.as_str(),
            paused: figures.paused,
            workers,
            waiting: figures.waiting,
            active: figures.active,
            scheduled: figures.delayed,
            dead: figures.failed,
            done: figures.completed,
            ended_last_minute: figures.ended_last_minute,
            oldest_ms: figures.oldest_ms,
        });
    }
    let counted = AllCounted(counted);
    args.system.answer(&counted, &counted)
}

/// What has ended within this time has ended lately.
const LATELY: Duration = Duration::from_hours(1);

/// How many jobs of a queue stand where.
#[derive(Debug, Serialize)]
struct Counted {
    queue: &'static str,
    paused: bool,
    workers: usize,
    waiting: u64,
    active: u64,
    scheduled: u64,
    dead: u64,
    /// Completed and cancelled jobs that are still kept.
    done: u64,
    ended_last_minute: u64,
    /// The age of the oldest job that has not ended.
    oldest_ms: u64,
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct AllCounted(Vec<Counted>);

impl fmt::Display for AllCounted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:<10}  {:>7}  {:>8}  {:>8}  {:>9}  {:>8}  {:>8}  {:>12}  {:>10}  {:<6}",
            "queue", "workers", "waiting", "active", "scheduled", "dead", "done", "ended/minute", "oldest", "paused"
        )?;
        for of in &self.0 {
            write!(
                f,
                "\n{:<10}  {:>7}  {:>8}  {:>8}  {:>9}  {:>8}  {:>8}  {:>12}  {:>10}  {:<6}",
                of.queue,
                of.workers,
                of.waiting,
                of.active,
                of.scheduled,
                of.dead,
                of.done,
                of.ended_last_minute,
                if of.oldest_ms == 0 {
                    "-".to_owned()
                } else {
                    format!("{:.1} s", Duration::from_millis(of.oldest_ms).as_secs_f64())
                },
                if of.paused { "yes" } else { "no" }
            )?;
        }
        Ok(())
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
