//! A file or folder for each verb. A new verb is a variant here and its arm in [`Command::run`].

mod bench;
mod breaker;
mod budget;
mod chaos;
mod dev;
mod keys;
mod limits;
mod numbered;
mod process;
mod provider;
mod queue;
mod scaling;
mod system;

use std::process::ExitCode;

use clap::Subcommand;

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Keep as many replicas as are needed, on a platform that has no autoscaling of its own
    Autoscale(scaling::AutoscaleArgs),
    /// Measure and print figures
    #[command(subcommand)]
    Bench(bench::BenchCommand),
    /// Show, open or close the circuit breaker of an upstream
    #[command(subcommand)]
    Breaker(breaker::BreakerCommand),
    /// Show what is spent, set what may be, or stop everything that costs
    #[command(subcommand)]
    Budget(budget::BudgetCommand),
    /// Kill, stop and cut off a whole system of real processes, and check that nothing is lost
    #[command(subcommand)]
    Chaos(chaos::ChaosCommand),
    /// Start the whole system on this machine and make flashcards of a lesson
    Dev(dev::DevArgs),
    /// Make, list and revoke servers' keys for the API
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Show and set the rate limits of the fleet
    #[command(subcommand)]
    Limits(limits::LimitsCommand),
    /// Pause and resume a queue
    #[command(subcommand)]
    Queue(queue::QueueCommand),
    /// Say how many replicas of each service are needed, and why
    ScaleAdvice(scaling::ScaleAdviceArgs),
}

impl Command {
    /// Does it. An error is shown to the operator and ends the process with 1.
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Autoscale(args) => scaling::autoscale(args).await,
            Self::Bench(command) => command.run().await,
            Self::Breaker(command) => command.run().await,
            Self::Budget(command) => command.run().await,
            Self::Chaos(command) => command.run().await,
            Self::Dev(args) => dev::run(args).await,
            Self::Keys(command) => command.run().await,
            Self::Limits(command) => command.run().await,
            Self::Queue(command) => command.run().await,
            Self::ScaleAdvice(args) => scaling::advise(args).await,
        }
    }
}
