//! The running system that an operator's command is for, and the two forms of its answer.

use std::{fmt::Display, process::ExitCode};

use clap::Args;
use serde::Serialize;
use shared::{
    config::{ConfigError, RedisConfig},
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
