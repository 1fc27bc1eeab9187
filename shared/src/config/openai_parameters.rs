//! Optional parameters of a call to the model, and the header that carries the key.

use std::{fmt, str::FromStr};

use clap::{Args, ValueEnum};

/// Parameters that not every model or server accepts. One that the upstream refuses is dropped or
/// replaced for the whole fleet.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(next_help_heading = "OpenAI")]
pub struct OpenAiParametersConfig {
    /// How much the model thinks before it answers
    #[arg(long, env = "OPENAI_REASONING_EFFORT", value_enum, default_value_t)]
    pub openai_reasoning_effort: ReasoningEffort,

    /// Sampling temperature: auto, default (not sent), or a number from 0 to 2
    ///
    /// auto sends 0.2 to model families that are known to accept it, and nothing to all others.
    #[arg(long, env = "OPENAI_TEMPERATURE", default_value_t)]
    pub openai_temperature: Temperature,

    /// Header that carries the key
    #[arg(long, env = "OPENAI_AUTH_HEADER", value_enum, default_value_t)]
    pub openai_auth_header: AuthHeader,
}

/// The setting of the parameter `reasoning_effort`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ReasoningEffort {
    /// The lowest that the model's family accepts; not sent to families that are not known
    #[default]
    Auto,
    /// Not sent: the provider's own default
    Default,
    /// No thinking
    None,
    /// The least that the first gpt-5 models accept
    Minimal,
    /// Little
    Low,
    /// Some
    Medium,
    /// Much
    High,
}

/// The setting of the parameter `temperature`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Temperature {
    /// By the model's family.
    #[default]
    Auto,
    /// Not sent: the provider's own default.
    Default,
    /// This one.
    Value(f32),
}

/// The header that carries the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum AuthHeader {
    /// `Authorization: Bearer KEY`
    #[default]
    Bearer,
    /// `api-key: KEY`, which Azure's classic deployments need
    ApiKey,
}

/// A temperature that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be auto, default or a number from 0 to 2")]
pub struct TemperatureError;

impl FromStr for Temperature {
    type Err = TemperatureError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "default" => Ok(Self::Default),
            number => {
                let value = number.parse().map_err(|_| TemperatureError)?;
                (0.0..=2.0).contains(&value).then_some(Self::Value(value)).ok_or(TemperatureError)
            }
        }
    }
}

impl fmt::Display for Temperature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Default => f.write_str("default"),
            Self::Value(value) => value.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        parameters: OpenAiParametersConfig,
    }

    fn read(words: &[&str]) -> Result<OpenAiParametersConfig, clap::Error> {
        Ok(Cli::try_parse_from([&["test"], words].concat())?.parameters)
    }

    #[test]
    fn every_value_has_a_word() {
        let config = read(&[]).unwrap();
        assert_eq!(config.openai_temperature, Temperature::Auto);
        assert_eq!(config.openai_auth_header, AuthHeader::Bearer);
        let config = read(&[
            "--openai-temperature",
            "0.7",
            "--openai-reasoning-effort",
            "none",
            "--openai-auth-header",
            "api-key",
        ])
        .unwrap();
        assert_eq!(config.openai_temperature, Temperature::Value(0.7));
        assert_eq!(config.openai_reasoning_effort, ReasoningEffort::None);
        assert_eq!(config.openai_auth_header, AuthHeader::ApiKey);
        for word in ["auto", "default", "0.5"] {
            assert_eq!(word.parse::<Temperature>().unwrap().to_string(), word);
        }
    }

    #[test]
    fn a_wrong_value_names_the_setting() {
        for (flag, value) in [
            ("--openai-temperature", "2.1"),
            ("--openai-temperature", "NaN"),
            ("--openai-temperature", "warm"),
            ("--openai-reasoning-effort", "some"),
            ("--openai-auth-header", "basic"),
        ] {
            let error = read(&[flag, value]).unwrap_err().to_string();
            assert!(error.contains(flag) && error.contains(value), "{error}");
        }
    }
}
