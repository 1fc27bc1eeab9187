//! The settings of a worker binary, and one clear line where one of them is wrong.

use clap::{
    Args, Command, Parser,
    error::{ContextKind, ContextValue},
};
use shared::config::{JobsConfig, LoggingConfig, RedisConfig, WorkerConfig};

/// What every worker can be told; a binary flattens it beside what its upstream needs.
#[derive(Debug, Clone, Args)]
pub struct WorkerSettings {
    /// How it works.
    #[command(flatten)]
    pub worker: WorkerConfig,
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

/// Why there are no settings to start with.
#[derive(Debug, PartialEq, Eq)]
pub enum StartupError {
    /// `--help` or `--version` has been shown.
    Shown,
    /// A setting is wrong: one line that names it.
    Refused(String),
}

/// Reads flags and environment of this process.
///
/// # Errors
///
/// When help was asked for, or a setting is wrong.
pub fn read<S: Parser>() -> Result<S, StartupError> {
    S::try_parse().map_err(|error| {
        if error.use_stderr() {
            return StartupError::Refused(one_line(&error, S::command()));
        }
        // Nothing is left to do for a reader that has gone away.
        let _ = error.print();
        StartupError::Shown
    })
}

/// Clap's message without its usage lines, with the variable's name in front, and without a value that is secret.
fn one_line(error: &clap::Error, mut command: Command) -> String {
    let rendered = error.to_string();
    let message = rendered.split("\n\n").next().unwrap_or_default();
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut line = line.trim_start_matches("error: ").to_owned();
    // Until it is built, an argument can't tell how it is written.
    command.build();
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else { return line };
    let Some(arg) = command.get_arguments().find(|arg| arg.to_string() == *flag) else { return line };
    if let Some(ContextValue::String(value)) = error.get(ContextKind::InvalidValue)
        && arg.is_hide_env_values_set()
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
    use clap::CommandFactory;

    #[derive(Debug, Parser)]
    struct Settings {
        #[command(flatten)]
        worker: WorkerSettings,
    }

    fn line(flag: &str, value: &str) -> String {
        one_line(&Settings::try_parse_from(["worker", flag, value]).unwrap_err(), Settings::command())
    }

    #[test]
    fn a_wrong_value_is_one_line_that_names_the_variable() {
        for (flag, value, variable) in [
            ("--worker-concurrency", "many", "WORKER_CONCURRENCY: "),
            ("--lease-seconds", "0", "LEASE_SECONDS: "),
            ("--queue-prefix", "{}", "QUEUE_PREFIX: "),
            ("--log-format", "xml", "LOG_FORMAT: "),
        ] {
            let line = line(flag, value);
            assert!(line.starts_with(variable) && line.contains(value) && !line.contains('\n'), "{line}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let line = line("--redis-url", "redis://:hunter2@host:port");
        assert!(line.starts_with("REDIS_URL: ") && !line.contains("hunter2"), "{line}");
    }
}
