//! `flashcard-worker`: makes flashcards with an OpenAI-compatible model.

use std::process::ExitCode;

use clap::Parser;
use shared::{
    config::{BudgetConfig, ConfigError, OpenAiConfig, UpstreamTimeout},
    job::QueueName,
    openai::{ModelCheck, OpenAi, ParameterStore},
    redis::{Keys, RedisPool},
};
use worker::{
    jobs::generate_flashcards::CallLimits,
    registry,
    runner::{self, Service},
    settings::WorkerSettings,
};

const EXAMPLES: &str = "\
Examples:
  OPENAI_API_KEY=sk-… flashcard-worker
      with Redis on this machine; start more of them, anywhere, to share the work
  flashcard-worker --openai-base-url http://localhost:8080/v1 --openai-model smollm2
      a model of one's own: llama.cpp, vLLM or any server with the chat completions API
  OPENAI_BASE_URL='https://NAME.openai.azure.com/openai/deployments/CARDS?api-version=2024-10-21' flashcard-worker
      a classic deployment of Azure OpenAI, whose key goes in the header api-key; /openai/v1 is its newer address
  WORKER_CONCURRENCY=50 REDIS_URL=rediss://:pw@host flashcard-worker
      every flag is a variable as well

  curl localhost:3002/api/health

SIGTERM: takes nothing new and finishes what runs, for DRAIN_SECONDS at most; a second one ends it at once. What was
not finished goes to another worker, which goes on where this one stopped.";

/// Takes flashcard jobs from the queue and runs them
#[derive(Debug, Parser)]
#[command(name = "flashcard-worker", version, after_help = EXAMPLES)]
struct Settings {
    /// Port of the health server: /api/health and /api/ready
    #[arg(long, env = "PORT", default_value_t = 3002)]
    port: u16,
    #[command(flatten)]
    openai: OpenAiConfig,
    #[command(flatten)]
    budget: BudgetConfig,
    #[command(flatten)]
    worker: WorkerSettings,
}

fn main() -> ExitCode {
    runner::main(|Settings { port, openai, budget, worker }: Settings| {
        openai.validate()?;
        budget.validate(&openai.call.openai_prices, &openai.call.openai_model)?;
        let limits = CallLimits::from(&openai);
        let upstream = openai.upstream(limits.call_tokens_beside_text());
        let redis = RedisPool::new(&worker.redis)?;
        let keys = Keys::new(&worker.redis.queue_prefix);
        let group = upstream.group.clone();
        let parameters = ParameterStore::new(redis.clone(), keys.clone(), group.clone(), &openai.openai_base_url);
        let client = OpenAi::new(&openai)?.sharing(parameters);
        let model_check = ModelCheck::new(client.clone(), redis.clone(), keys, group, upstream.settings.clone());
        let registry = registry::ai_jobs(client, limits);
        let queue = QueueName::Ai;
        let upstream_timeout = UpstreamTimeout { variable: "OPENAI_TIMEOUT_SECONDS", time: openai.timeout() };
        let (model_check, settings) = (Some(model_check), worker);
        Ok::<_, ConfigError>(Service {
            redis,
            queue,
            registry,
            port,
            upstream,
            upstream_timeout,
            model_check,
            settings,
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
        for text in ["Examples:", "[env: PORT=", "OPENAI_API_KEY", "REDIS_URL", "LEASE_SECONDS", "default: 3002"] {
            assert!(help.contains(text), "{text} in {help}");
        }
        Settings::command().debug_assert();
    }
}
