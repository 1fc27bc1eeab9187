//! `unilingo scale-advice` and `unilingo autoscale`: how many replicas are needed, and going there.

mod advice;
mod autoscale;
mod exec;
mod follow;

use std::time::Duration;

use clap::Args;
use shared::{
    budget::Limits,
    config::ConfigError,
    fleet::Fleet,
    scaling::{Bounds, Service},
};

use super::system::SystemArgs;

pub(crate) use advice::{ScaleAdviceArgs, run as advise};
pub(crate) use autoscale::{AutoscaleArgs, run as autoscale};

/// What is decided for whom.
#[derive(Debug, Args)]
struct ScalingArgs {
    /// Fewest replicas of a service
    #[arg(long, value_name = "N", default_value_t = 1)]
    min: u32,

    /// Most replicas of a service
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    max: u32,

    /// How long a job should wait in line at most, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    wait: Duration,

    /// The model whose limits hold for the flashcard workers
    #[arg(long, env = "OPENAI_MODEL", default_value = shared::config::DEFAULT_MODEL)]
    model: String,

    /// Where replicas run, as the platform names it
    #[arg(long, env = "RAILWAY_REPLICA_REGION", default_value = "eu-west", value_parser = region)]
    region: String,

    #[command(flatten)]
    system: SystemArgs,
}

impl ScalingArgs {
    fn bounds(&self) -> Bounds {
        Bounds { min: self.min, max: self.max.max(self.min), wait: self.wait }
    }

    fn fleet(&self) -> Result<Fleet, ConfigError> {
        Ok(Fleet::new(self.system.redis()?, self.system.keys(), &self.model, Limits::default()))
    }
}

/// A time in seconds, such as `15` or `0.5`.
fn seconds(text: &str) -> Result<Duration, String> {
    let number = text.parse::<f64>().ok().filter(|seconds| (0.0..=86_400.0).contains(seconds));
    number.map(Duration::from_secs_f64).ok_or_else(|| "seconds are expected, such as 15 or 0.5".to_owned())
}

/// A region stands in a command for the shell.
fn region(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let good = (1..=64).contains(&text.len()) && text.bytes().all(plain);
    good.then(|| text.to_owned()).ok_or_else(|| "letters, digits and `-` are expected".to_owned())
}

/// Those that were named, or `default`.
fn chosen<'a>(named: &'a [Service], default: &'a [Service]) -> &'a [Service] {
    if named.is_empty() { default } else { named }
}
