//! The main of every worker binary: read the settings, work until told to stop.

use std::process::ExitCode;

use anyhow::{Context, anyhow};
use clap::Parser;
use shared::{
    breaker::probe_new_settings,
    config::{ConfigError, UpstreamTimeout},
    job::QueueName,
    lifecycle::Lifecycle,
    limiter::Upstream,
    listen::listen,
    openai::ModelCheck,
    queue::{Registry, Worker},
    redis::{Keys, RedisPool, check_durability},
    scaling,
    startup::{self, refuse},
};

use crate::{
    health::{self, Health},
    settings::WorkerSettings,
};

/// What tells one worker binary from another.
#[derive(Debug)]
pub struct Service {
    /// The connection to Redis that all of the process shares.
    pub redis: RedisPool,
    /// The queue that its jobs wait in.
    pub queue: QueueName,
    /// The kinds that it runs.
    pub registry: Registry,
    /// The port of its health server.
    pub port: u16,
    /// What limits the calls to its upstream.
    pub upstream: Upstream,
    /// The longest that one call to its upstream takes.
    pub upstream_timeout: UpstreamTimeout,
    /// Asks the upstream about its model, where it has one.
    pub model_check: Option<ModelCheck>,
    /// Everything else.
    pub settings: WorkerSettings,
}

/// Runs the service that `prepare` makes of the settings `S`. An error at start is one line on standard error.
#[must_use]
pub fn main<S: Parser>(prepare: impl FnOnce(S) -> Result<Service, ConfigError>) -> ExitCode {
    let settings = match startup::read::<S>() {
        Ok(settings) => settings,
        Err(error) => return error.exit(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = runtime.context("the async runtime can't be started").and_then(|runtime| {
        let _guard = runtime.enter();
        shared::tls::install();
        let service = prepare(settings)?;
        service.settings.worker.validate(&service.settings.jobs, service.upstream_timeout)?;
        runtime.block_on(run(service))
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(format_args!("{error:#}")),
    }
}

/// Says where the limit of tokens feeds fewer calls than the limit of requests lets go.
fn warn_where_tokens_are_short(upstream: &Upstream) {
    let (rpm, tpm) = (upstream.limits.rpm, upstream.limits.tpm);
    let calls = tpm.checked_div(upstream.call_tokens.into()).filter(|calls| tpm > 0 && *calls < rpm);
    if let Some(calls) = calls {
        tracing::warn!(
            limiter.group = upstream.group.as_str(),
            rpm,
            tpm,
            call_tokens = upstream.call_tokens,
            calls,
            "The limit of tokens feeds fewer calls than the limit of requests: raise OPENAI_RATE_LIMIT_TPM, or lower \
             OPENAI_MAX_OUTPUT_TOKENS"
        );
    }
}

/// What was refused before may be corrected in this worker's settings: then its jobs need not wait for the next slow probe.
async fn probe_where_settings_are_new(redis: &RedisPool, keys: &Keys, upstream: &Upstream) {
    if upstream.settings.is_empty() {
        return;
    }
    match probe_new_settings(redis, keys, upstream.group.provider(), &upstream.settings).await {
        Ok(true) => tracing::info!(
            limiter.group = upstream.group.as_str(),
            "The settings are not those that were refused: a call tries them at once"
        ),
        Ok(false) => {}
        Err(error) => tracing::warn!(
            error = &error as &dyn std::error::Error,
            "Whether the settings are new could not be told: a refused account is tried again with the next slow probe"
        ),
    }
}

async fn run(service: Service) -> anyhow::Result<()> {
    let Service { redis, queue, registry, port, upstream, upstream_timeout: _, model_check, settings } = service;
    shared::telemetry::init(&settings.logging)?;
    if upstream.call_tokens > 0 {
        // Others are not paid by tokens.
        upstream.prices.warn_unless_priced(&upstream.model);
    }
    let lifecycle = Lifecycle::new();
    lifecycle.listen_for_signals(settings.worker.drain())?;
    let listener = listen(port).with_context(|| format!("PORT (--port) {port} can't be listened on"))?;
    // With 0 the system has chosen one.
    let port = listener.local_addr()?.port();
    check_durability(&redis, settings.durability, &lifecycle).await?;
    warn_where_tokens_are_short(&upstream);
    probe_where_settings_are_new(&redis, &Keys::new(&settings.redis.queue_prefix), &upstream).await;
    if let Some(check) = model_check {
        lifecycle.tasks().spawn(check.run(lifecycle.drain().clone()));
    }
    let config = (&settings.jobs, &settings.worker);
    let worker =
        Worker::new(redis.clone(), &settings.redis.queue_prefix, queue, registry, Some(upstream), config, &lifecycle);

    let (health, serving) =
        (Health::new(redis, worker.stats(), scaling::Service::of(queue), &lifecycle), lifecycle.clone());
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
