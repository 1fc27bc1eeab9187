//! `lab bench`: figures, each printed with what it is held against.

mod audio;
mod drain;
pub(super) mod figures;
mod http;
mod idle;
mod limit;
mod memory;
mod noop;
mod refused;
mod requeue;
mod speech;
mod wake;

use std::process::ExitCode;

use clap::Subcommand;

/// What can be measured. Everything runs on this machine, against a Redis of its own.
#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// How long decoding and resampling of a recording takes
    Audio(audio::AudioArgs),
    /// How fast one worker process settles no-op jobs, with a short and a long line
    Drain(drain::DrainArgs),
    /// Requests a second of the api, beside a peer's
    Http(http::HttpArgs),
    /// What idle processes cost: memory and Redis commands
    Idle(idle::IdleArgs),
    /// Whether worker processes together keep to the upstream's limit and use all of it
    Limit(limit::LimitArgs),
    /// Whether what Redis keeps depends on how many jobs there ever were
    Memory(memory::MemoryArgs),
    /// What a take costs while the limit is reached, against a GET
    Refused(refused::RefusedArgs),
    /// A burst of learners, each with a recording: how long they wait, and what that takes in memory
    Speech(speech::SpeechArgs),
    /// How fast dead letters are put back, also by two at once of which one is killed
    Requeue(requeue::RequeueArgs),
    /// How long a lone job waits for an idle worker
    Wake(wake::WakeArgs),
    /// A worker that does nothing with its jobs; the other benches start it
    #[command(hide = true)]
    NoopWorker(Box<noop::NoopWorkerArgs>),
}

impl BenchCommand {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        if cfg!(debug_assertions) {
            unilingo::output::error("This is a debug build: build with --release for figures that mean something");
        }
        match self {
            Self::Audio(args) => audio::run(&args),
            Self::Drain(args) => drain::run(args).await,
            Self::Http(args) => http::run(args).await,
            Self::Idle(args) => idle::run(args).await,
            Self::Limit(args) => limit::run(args).await,
            Self::Memory(args) => memory::run(args).await,
            Self::Refused(args) => refused::run(args).await,
            Self::Speech(args) => speech::run(args).await,
            Self::Requeue(args) => requeue::run(args).await,
            Self::Wake(args) => wake::run(args).await,
            Self::NoopWorker(args) => noop::run(*args).await,
        }
    }
}
