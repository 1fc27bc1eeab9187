//! The settings of the `api` binary, and one clear line when one of them is wrong.

use clap::{
    CommandFactory, Parser,
    error::{ContextKind, ContextValue},
};
use shared::config::{ApiConfig, JobsConfig, LoggingConfig, RedisConfig};

const EXAMPLES: &str = "\
Examples:
  AUTH=trust-client api                               on port 3001, with Redis on this machine
  api --auth trust-client --port 8080                 every variable is a flag as well
  AUTH=trust-client LEGACY_WAIT_SECONDS=55 api        for shipped apps, which wait for the cards
  AUTH=trust-client REDIS_URL=rediss://:pw@host api   Redis with TLS and a password

  curl localhost:3001/api/health
  curl localhost:3001/api/v1/flashcards -H 'content-type: application/json' -H 'user-id: me' \\
    -d '{\"content\":\"…\",\"subject\":\"Biology\",\"topic\":\"Cells\",\"targetLanguage\":\"German\"}'";

/// Every setting of the `api` binary.
#[derive(Debug, Parser)]
#[command(name = "api", version, about = "UniLingo's HTTP API: accepts jobs, answers for them", after_help = EXAMPLES)]
pub struct Settings {
    /// The HTTP API.
    #[command(flatten)]
    pub api: ApiConfig,
    /// Where Redis is.
    #[command(flatten)]
    pub redis: RedisConfig,
    /// Lifetimes of jobs.
    #[command(flatten)]
    pub jobs: JobsConfig,
    /// Logs.
    #[command(flatten)]
    pub logging: LoggingConfig,
}

/// Why the settings could not be had.
#[derive(Debug)]
pub enum StartupError {
    /// `--help` or `--version` has been shown.
    Shown,
    /// A setting is wrong: one line that names it.
    Refused(String),
}

impl Settings {
    /// Reads flags and environment of this process.
    ///
    /// # Errors
    ///
    /// When help was asked for, or a setting is wrong.
    pub fn from_args() -> Result<Self, StartupError> {
        let settings = Self::try_parse().map_err(|error| refuse(&error))?;
        settings.api.validate().map_err(|error| StartupError::Refused(error.to_string()))?;
        Ok(settings)
    }
}

fn refuse(error: &clap::Error) -> StartupError {
    if !error.use_stderr() {
        // Nothing is left to do for a reader that has gone away.
        let _ = error.print();
        return StartupError::Shown;
    }
    StartupError::Refused(one_line(error))
}

/// Clap's message without its usage lines, with the variable's name in front, and without a value that is secret.
fn one_line(error: &clap::Error) -> String {
    let rendered = error.to_string();
    let message = rendered.split("\n\n").next().unwrap_or_default();
    let words: Vec<_> = message.trim_start_matches("error: ").split_whitespace().collect();
    let mut line = words.join(" ");
    let mut command = Settings::command();
    // Until it is built, an argument can't tell how it is written.
    command.build();
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else { return line };
    let Some(arg) = command.get_arguments().find(|arg| arg.to_string() == *flag) else { return line };
    if let (true, Some(ContextValue::String(value))) =
        (arg.is_hide_env_values_set(), error.get(ContextKind::InvalidValue))
        && !value.is_empty()
    {
        line = line.replace(value.as_str(), "…");
    }
    match arg.get_env() {
        Some(variable) => format!("{}: {line}", variable.to_string_lossy()),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(args: &[&str]) -> String {
        one_line(&Settings::try_parse_from([&["api"], args].concat()).unwrap_err())
    }

    #[test]
    fn a_wrong_value_is_one_line_that_names_the_variable() {
        for (args, variable) in [
            (["--port", "http"], "PORT: "),
            (["--auth", "everyone"], "AUTH: "),
            (["--legacy-wait-seconds", "61"], "LEGACY_WAIT_SECONDS: "),
            (["--log-format", "xml"], "LOG_FORMAT: "),
            (["--queue-prefix", "{}"], "QUEUE_PREFIX: "),
        ] {
            let line = line(&args);
            assert!(line.starts_with(variable) && line.contains(args[1]) && !line.contains('\n'), "{line}");
        }
    }

    #[test]
    fn the_choices_of_auth_stand_in_the_line() {
        assert!(line(&["--auth", "everyone"]).contains("trust-client"));
    }

    #[test]
    fn a_password_is_not_shown() {
        let line = line(&["--redis-url", "redis://:hunter2@host:port"]);
        assert!(line.starts_with("REDIS_URL: ") && !line.contains("hunter2"), "{line}");
    }

    #[test]
    fn help_has_examples_and_no_secret() {
        let help = Settings::command().render_long_help().to_string();
        assert!(help.contains("Examples:") && help.contains("LEGACY_WAIT_SECONDS"), "{help}");
        Settings::command().debug_assert();
    }
}
