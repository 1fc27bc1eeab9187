//! `lab chaos`: real processes and a real Redis are killed, stopped and cut off, and then the books are checked.
//!
//! Each scenario has a Redis, an upstream and processes of its own, all on 127.0.0.1, and ends after a bounded time. What was
//! accepted is held against how it ended, what the upstream was asked for, and what is left in Redis ([`books`]). Every
//! figure is printed with what it is held against; one that is missed ends the process with 1.

mod accepted;
mod attempt;
mod books;
mod calls;
mod crashloop;
mod ends;
mod feed;
mod fleet;
mod kills;
pub(super) mod leftovers;
mod load;
mod network;
mod partition;
mod redis;
mod report;
mod run;
mod seed;
mod soak;
mod stop;
pub(super) mod system;
mod torment;
mod usage;
mod witness;

use std::process::ExitCode;

use clap::Subcommand;
use unilingo::output;

use self::{report::Report, run::Run};

/// What is done to the system. Everything runs on this machine, with a Redis and an upstream of its own.
#[derive(Debug, Subcommand)]
pub(crate) enum ChaosCommand {
    /// One of two workers dies a moment after each start, while the other one works
    Crashloop(crashloop::CrashloopArgs),
    /// Workers are killed with `kill -9` and replaced, again and again, while jobs come in
    Kills(kills::KillsArgs),
    /// Redis pauses, and then no byte passes between it and our processes, under load
    Partition(partition::PartitionArgs),
    /// Redis is killed with `kill -9` and started again, under load
    Redis(redis::RedisArgs),
    /// Everything at once, at random, for as long as asked; then the books are checked
    Soak(soak::SoakArgs),
    /// A worker is asked to stop while it runs as many jobs as it can
    Stop(stop::StopArgs),
}

impl ChaosCommand {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Crashloop(args) => crashloop::run(args).await,
            Self::Kills(args) => kills::run(args).await,
            Self::Partition(args) => partition::run(args).await,
            Self::Redis(args) => redis::run(args).await,
            Self::Soak(args) => soak::run(args).await,
            Self::Stop(args) => stop::run(args).await,
        }
    }
}

/// Ends a run: the logs of one that went wrong stay.
fn ended(mut run: Run, done: anyhow::Result<Report>) -> anyhow::Result<ExitCode> {
    if !done.as_ref().is_ok_and(Report::is_clean) {
        output::error(format_args!("the processes' logs are in {}", run.system.fleet.keep_logs().display()));
    }
    Ok(done?.code())
}
