//! The running system that an operator's command is for, and the two forms of its answer.

use std::{fmt::Display, process::ExitCode};

use clap::{Args, Parser};
use serde::Serialize;
use shared::{
    config::{ConfigError, JobsConfig, RedisConfig},
    queue::Queue,
    redis::{Keys, RedisPool},
};

use crate::output;

/// What every operator's command takes.
#[derive(Debug, Args)]
pub(super) struct SystemArgs {
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    redis: RedisConfig,
}

impl SystemArgs {
    pub(super) fn redis(&self) -> Result<RedisPool, ConfigError> {
        RedisPool::new(&self.redis)
    }

    pub(super) fn prefix(&self) -> &str {
        &self.redis.queue_prefix
    }

    pub(super) fn keys(&self) -> Keys {
        Keys::new(self.prefix())
    }

    /// The queues, to look at them: what may be accepted is not this process's to say.
    pub(super) fn queue(&self) -> anyhow::Result<Queue> {
        #[derive(Parser)]
        struct Defaults {
            #[command(flatten)]
            jobs: JobsConfig,
        }
        let jobs = Defaults::try_parse_from(["unilingo"])?.jobs;
        Ok(Queue::new(self.redis()?, self.prefix(), jobs))
    }

    /// Whether programs read the answer.
    pub(super) const fn is_json(&self) -> bool {
        self.json
    }

    /// Prints what was found or done: `text` for people, or `document` for programs.
    pub(super) fn answer(&self, text: impl Display, document: &impl Serialize) -> anyhow::Result<ExitCode> {
        if self.json {
            let mut document = serde_json::to_value(document)?;
            document.sort_all_objects();
            output::line(document);
        } else {
            output::line(text);
        }
        Ok(ExitCode::SUCCESS)
    }
}
