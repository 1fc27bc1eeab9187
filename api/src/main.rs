//! The `api` binary: read the settings, start, serve until told to stop.

use std::process::ExitCode;

use anyhow::Context;
use api::{AppState, Settings, StartupError};
use shared::{lifecycle::Lifecycle, listen::listen};

#[tokio::main]
async fn main() -> ExitCode {
    let settings = match Settings::from_args() {
        Ok(settings) => settings,
        Err(StartupError::Shown) => return ExitCode::SUCCESS,
        Err(StartupError::Refused(line)) => return refuse(&line),
    };
    match run(settings).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(&format!("{error:#}")),
    }
}

/// One line, whatever the log format: nobody should have to search a start error.
fn refuse(line: &str) -> ExitCode {
    eprintln!("error: {line}");
    ExitCode::FAILURE
}

async fn run(settings: Settings) -> anyhow::Result<()> {
    shared::telemetry::init(&settings.logging)?;
    api::hide_panic_messages();
    let lifecycle = Lifecycle::new();
    lifecycle.listen_for_signals(settings.api.drain())?;
    let port = settings.api.port;
    let listener = listen(port).with_context(|| format!("PORT (--port) {port} can't be listened on"))?;
    let state = AppState::start(settings.api, &settings.redis, settings.jobs, &lifecycle)?;
    api::serve(listener, state, &lifecycle).await?;
    lifecycle.finish().await;
    tracing::info!("Stopped");
    Ok(())
}
