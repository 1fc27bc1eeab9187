//! A server that stands in for OpenAI and Azure Speech in development, tests and benches.

use std::time::Duration;

use clap::Parser;
use shared::{
    config::LoggingConfig,
    lifecycle::Lifecycle,
    telemetry,
    testing::simulator::{Simulator, SimulatorConfig},
};

const EXAMPLES: &str = "\
Examples:
  upstream-simulator
      Answer at once on port 3004; point OPENAI_BASE_URL at http://127.0.0.1:3004/v1
  upstream-simulator --rpm 50 --tpm 90000 --latency-ms 800
      Enforce OpenAI's limits, and take as long as a model takes
  upstream-simulator --latency-ms 800 --speech-max-concurrent 20
      As Azure Speech with a quota of 20; point AZURE_SPEECH_BASE_URL at http://127.0.0.1:3004
  upstream-simulator --profile mistral
      Accept, refuse, count and bill as Mistral does; the address is logged
  curl -X POST localhost:3004/_sim/faults -H 'content-type: application/json' \\
       -d '{\"fault\": \"server_error\", \"count\": 3}'
      Let the next three calls fail
  curl 'localhost:3004/_sim/stats?window_ms=60000'
      Calls by status, and the most that fell into any minute";

/// Answers OpenAI's chat completions API with flashcards made of the words of the text that it is sent, and Azure Speech's
/// pronunciation assessment with scores made of the reference text, without a model.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES)]
struct Cli {
    #[command(flatten)]
    simulator: SimulatorConfig,
    #[command(flatten)]
    logging: LoggingConfig,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let cli = Cli::parse();
    telemetry::init(&cli.logging)?;
    let lifecycle = Lifecycle::new();
    lifecycle.listen_for_signals(Duration::from_secs(5))?;
    let simulator = Simulator::start(cli.simulator)?;
    tracing::info!(base_url = simulator.base_url(), "Answering in place of OpenAI and Azure Speech");
    lifecycle.drain().cancelled().await;
    tokio::select! {
        () = simulator.stop() => {}
        () = lifecycle.leave().cancelled() => {}
    }
    lifecycle.finish().await;
    Ok(())
}
