//! The `api` binary: read the settings, start, serve until told to stop.

use std::process::ExitCode;

use anyhow::Context;
use api::{AppState, Settings};
use shared::{lifecycle::Lifecycle, listen::listen, startup::refuse};

#[tokio::main]
async fn main() -> ExitCode {
    let settings = match Settings::from_args() {
        Ok(settings) => settings,
        Err(error) => return error.exit(),
    };
    match run(settings).await {
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
