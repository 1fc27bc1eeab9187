//! A file or folder for each verb. A new verb is a variant here and its arm in [`Command::run`].

pub mod assess;
mod breaker;
mod budget;
mod completions;
mod dead;
mod jobs;
mod keys;
mod letters;
mod limits;
mod moved;
mod provider;
mod queue;
mod requeue;
mod scaling;
mod system;
mod user_name;
mod users;
mod verify;
mod workers;

use std::process::ExitCode;

use clap::Subcommand;

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Have a recording assessed by a running system, and show its scores
    Assess(assess::AssessArgs),
    /// Keep as many replicas as are needed, on a platform that has no autoscaling of its own
    Autoscale(scaling::AutoscaleArgs),
    /// Show, open or close the circuit breaker of an upstream
    #[command(subcommand)]
    Breaker(breaker::BreakerCommand),
    /// Show what is spent, set what may be, or stop everything that costs
    #[command(subcommand)]
    Budget(budget::BudgetCommand),
    /// Print what a shell needs to complete commands
    Completions(completions::CompletionsArgs),
    /// List and remove dead letters: jobs that failed for good
    #[command(subcommand)]
    Dead(dead::DeadCommand),
    /// List, show and cancel jobs
    #[command(subcommand)]
    Jobs(jobs::JobsCommand),
    /// Make, list and revoke servers' keys for the API
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Show and set the rate limits of the fleet
    #[command(subcommand)]
    Limits(limits::LimitsCommand),
    /// Count what is in a queue, pause it and resume it
    #[command(subcommand)]
    Queue(queue::QueueCommand),
    /// Put dead letters back in line: jobs that failed for good
    Requeue(Box<requeue::RequeueArgs>),
    /// List, show, suspend and erase users
    #[command(subcommand)]
    Users(users::UsersCommand),
    /// Check a deployed api from outside
    Verify(verify::VerifyArgs),
    /// List the workers that live
    Workers(workers::WorkersArgs),
    /// Say how many replicas of each service are needed, and why
    ScaleAdvice(scaling::ScaleAdviceArgs),
    /// Moved to `lab`
    #[command(name = "dev", hide = true)]
    Dev(moved::MovedArgs),
    /// Moved to `lab`
    #[command(name = "bench", hide = true)]
    Bench(moved::MovedArgs),
    /// Moved to `lab`
    #[command(name = "chaos", hide = true)]
    Chaos(moved::MovedArgs),
}

impl Command {
    /// Does it. An error is shown to the operator and ends the process with 1.
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Assess(args) => args.run().await,
            Self::Autoscale(args) => scaling::autoscale(args).await,
            Self::Breaker(command) => command.run().await,
            Self::Budget(command) => command.run().await,
            Self::Completions(args) => completions::run(&args),
            Self::Dead(command) => command.run().await,
            Self::Jobs(command) => command.run().await,
            Self::Keys(command) => command.run().await,
            Self::Limits(command) => command.run().await,
            Self::Queue(command) => command.run().await,
            Self::Requeue(args) => requeue::run(*args).await,
            Self::Users(command) => command.run().await,
            Self::Verify(args) => verify::run(args).await,
            Self::Workers(args) => workers::run(args).await,
            Self::ScaleAdvice(args) => scaling::advise(args).await,
            Self::Dev(_) => Ok(moved::to_lab("dev")),
            Self::Bench(_) => Ok(moved::to_lab("bench")),
            Self::Chaos(_) => Ok(moved::to_lab("chaos")),
        }
    }
}
