//! The main of every worker binary: read the settings, work until told to stop.

use std::{process::ExitCode, time::Duration};

use anyhow::{Context, anyhow};
use clap::Parser;
use shared::{
    config::ConfigError,
    job::QueueName,
    lifecycle::Lifecycle,
    listen::listen,
    queue::{Registry, Worker},
    redis::RedisPool,
};

use crate::{
    health::{self, Health},
    startup::{self, StartupError, WorkerSettings},
};

/// What tells one worker binary from another.
#[derive(Debug)]
pub struct Service {
    /// The queue that its jobs wait in.
    pub queue: QueueName,
    /// The kinds that it runs.
    pub registry: Registry,
    /// The port of its health server.
    pub port: u16,
    /// The longest that one call to its upstream takes.
    pub upstream_timeout: Duration,
    /// Everything else.
    pub settings: WorkerSettings,
}

/// Runs the service that `prepare` makes of the settings `S`. An error at start is one line on standard error.
#[must_use]
pub fn main<S: Parser>(prepare: impl FnOnce(S) -> Result<Service, ConfigError>) -> ExitCode {
    let settings = match startup::read::<S>() {
        Ok(settings) => settings,
        Err(StartupError::Shown) => return ExitCode::SUCCESS,
        Err(StartupError::Refused(line)) => return refuse(&line),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = runtime.context("the async runtime can't be started").and_then(|runtime| {
        let _guard = runtime.enter();
        shared::tls::install();
        let service = prepare(settings)?;
        service.settings.worker.validate(service.upstream_timeout)?;
        runtime.block_on(run(service))
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(&format!("{error:#}")),
    }
}

/// One line, whatever the log format: nobody should have to search a start error.
fn refuse(line: &str) -> ExitCode {
    eprintln!("error: {line}");
    ExitCode::FAILURE
}

/// The message of a panic can hold a piece of the text that was worked on, as that of a wrong slice does.
fn hide_panic_messages() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(panic.location = place, "A panic: this is a bug");
    }));
}

async fn run(service: Service) -> anyhow::Result<()> {
    let Service { queue, registry, port, upstream_timeout: _, settings } = service;
    shared::telemetry::init(&settings.logging)?;
    hide_panic_messages();
    let lifecycle = Lifecycle::new();
    lifecycle.listen_for_signals(settings.worker.drain())?;
    let listener = listen(port).with_context(|| format!("PORT (--port) {port} can't be listened on"))?;
    let redis = RedisPool::new(&settings.redis)?;
    let config = (&settings.jobs, &settings.worker);
    let worker = Worker::new(redis.clone(), &settings.redis.queue_prefix, queue, registry, config, &lifecycle);

    let (health, serving) = (Health::new(redis, worker.stats(), &lifecycle), lifecycle.clone());
    lifecycle.tasks().spawn(async move {
        if let Err(error) = health::serve(listener, health, &serving).await {
            tracing::error!(%error, "The health server has ended");
        }
    });
    tracing::info!(port, queue = queue.as_str(), "Listening");
    let outcome = worker.run(&lifecycle).await;
    lifecycle.finish().await;
    tracing::info!("Stopped");
    outcome.map_err(|error| anyhow!("the worker has ended: {error}"))
}
