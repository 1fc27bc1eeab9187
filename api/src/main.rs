//! The `api` binary: read the settings, start, serve until told to stop.

use std::process::ExitCode;

use anyhow::Context;
use api::{AppState, Settings};
use shared::{lifecycle::Lifecycle, listen::listen, startup::refuse};
use tokio::runtime::Builder;

/// Requests make and drop much that is small, on every core: the system's allocator spends a fifth of a request on that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let settings = match Settings::from_args() {
        Ok(settings) => settings,
        Err(error) => return error.exit(),
    };
    let runtime = Builder::new_multi_thread().worker_threads(settings.threads()).enable_all().build();
    let ran = runtime.context("no thread can be started").and_then(|runtime| runtime.block_on(run(settings)));
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(format_args!("{error:#}")),
    }
}

async fn run(settings: Settings) -> anyhow::Result<()> {
    shared::telemetry::init(&settings.logging)?;
    let lifecycle = Lifecycle::new();
    lifecycle.listen_for_signals(settings.api.drain())?;
    let port = settings.api.port;
    let listener = listen(port).with_context(|| format!("PORT (--port) {port} can't be listened on"))?;
    settings.call.openai_prices.warn_unless_priced(&settings.call.openai_model);
    let allowance = settings.call.allowance(settings.budget.limits());
    let state =
        AppState::start(settings.api, &settings.redis, settings.jobs, allowance, &settings.breaker, &lifecycle)?;
    state.check_durability(settings.durability, &lifecycle).await?;
    api::serve(listener, state, &lifecycle).await?;
    lifecycle.finish().await;
    tracing::info!("Stopped");
    Ok(())
}
