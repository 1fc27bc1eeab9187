//! `pronunciation-worker`: has recordings assessed by Azure Speech.

use std::process::ExitCode;

use clap::Parser;
use shared::{
    azure::Azure,
    config::{AzureConfig, ConfigError, UpstreamTimeout},
    job::QueueName,
    redis::RedisPool,
};
use worker::{
    registry,
    runner::{self, Service},
    settings::WorkerSettings,
};

const EXAMPLES: &str = "\
Examples:
  AZURE_SPEECH_KEY=… AZURE_SPEECH_REGION=westeurope pronunciation-worker
      with Redis on this machine; start more of them, anywhere, to share the work
  pronunciation-worker --azure-speech-base-url http://localhost:8089
      any server that speaks Azure's REST API for short audio, such as upstream-simulator
  AZURE_SPEECH_MAX_CONCURRENT=100 REDIS_URL=rediss://:pw@host pronunciation-worker
      every flag is a variable as well; the limit holds for the whole fleet

  curl localhost:3003/api/health

SIGTERM: takes nothing new and finishes what runs, for DRAIN_SECONDS at most; a second one ends it at once. What was
not finished goes to another worker.";

/// Takes pronunciation jobs from the queue and runs them
#[derive(Debug, Parser)]
#[command(name = "pronunciation-worker", version, after_help = EXAMPLES)]
struct Settings {
    /// Port of the health server: /api/health and /api/ready
    #[arg(long, env = "PORT", default_value_t = 3003)]
    port: u16,
    #[command(flatten)]
    azure: AzureConfig,
    #[command(flatten)]
    worker: WorkerSettings,
}

fn main() -> ExitCode {
    runner::main(|Settings { port, azure, worker }: Settings| {
        azure.validate()?;
        let upstream_timeout = UpstreamTimeout { variable: "AZURE_SPEECH_TIMEOUT_SECONDS", time: azure.timeout() };
        Ok::<_, ConfigError>(Service {
            redis: RedisPool::new(&worker.redis)?,
            queue: QueueName::Audio,
            registry: registry::audio_jobs(Azure::new(&azure)?),
            port,
            upstream: azure.upstream(),
            upstream_timeout,
            model_check: None,
            settings: worker,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn help_has_examples_and_names_the_variables() {
        let help = Settings::command().render_long_help().to_string();
        for text in ["Examples:", "[env: PORT=", "AZURE_SPEECH_KEY", "REDIS_URL", "LEASE_SECONDS", "default: 3003"] {
            assert!(help.contains(text), "{text} in {help}");
        }
        Settings::command().debug_assert();
    }
}
