//! The start of a binary: flags and variables become its settings, and what keeps it from starting is one line.

use std::{fmt::Display, process::ExitCode};

use clap::{
    Arg, Command, Parser,
    error::{ContextKind, ContextValue},
};

use crate::config::ConfigError;

/// Why there are no settings to start with.
#[derive(Debug, PartialEq, Eq)]
pub enum StartupError {
    /// `--help` or `--version` has been shown.
    Shown,
    /// A setting is wrong: one line that names it.
    Refused(String),
}

impl From<ConfigError> for StartupError {
    fn from(error: ConfigError) -> Self {
        Self::Refused(error.to_string())
    }
}

impl StartupError {
    /// How the process ends. What is wrong, if anything is, goes to standard error.
    #[must_use]
    pub fn exit(&self) -> ExitCode {
        match self {
            Self::Shown => ExitCode::SUCCESS,
            Self::Refused(line) => refuse(line),
        }
    }
}

/// Says why the process can't go on. It is one line, whatever the log format: nobody should have to search a start error.
pub fn refuse(line: impl Display) -> ExitCode {
    eprintln!("error: {line}");
    ExitCode::FAILURE
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

/// Clap's message, without a value that is secret.
#[must_use]
pub fn without_secret(error: &clap::Error, command: &mut Command) -> String {
    // Until it is built, an argument can't tell how it is written.
    command.build();
    let rendered = error.to_string();
    match error.get(ContextKind::InvalidValue) {
        Some(ContextValue::String(value))
            if !value.is_empty() && argument(error, command).is_some_and(Arg::is_hide_env_values_set) =>
        {
            rendered.replace(value.as_str(), "…")
        }
        _ => rendered,
    }
}

/// The argument that an error is about, of the command or of one below it.
fn argument<'a>(error: &clap::Error, command: &'a Command) -> Option<&'a Arg> {
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else { return None };
    let own = command.get_arguments().find(|arg| arg.to_string() == *flag);
    own.or_else(|| command.get_subcommands().find_map(|command| argument(error, command)))
}

/// Clap's message without its usage lines, with the variable's name in front, and without a value that is secret.
fn one_line(error: &clap::Error, mut command: Command) -> String {
    // Before the white space changes: a secret that holds some would not be found afterwards.
    let rendered = without_secret(error, &mut command);
    let arg = argument(error, &command);
    let message = rendered.split("\n\n").next().unwrap_or_default();
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = line.trim_start_matches("error: ");
    match arg.and_then(Arg::get_env) {
        Some(variable) => format!("{}: {line}", variable.to_string_lossy()),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::config::{LoggingConfig, RedisConfig};

    #[derive(Debug, Parser)]
    struct Settings {
        /// No variable sets it
        #[arg(long)]
        count: Option<u8>,
        #[arg(long, env = "PORT", default_value_t = 1)]
        port: u16,
        #[command(flatten)]
        redis: RedisConfig,
        #[command(flatten)]
        logging: LoggingConfig,
    }

    fn line(flag: &str, value: &str) -> String {
        one_line(&Settings::try_parse_from(["test", flag, value]).unwrap_err(), Settings::command())
    }

    #[test]
    fn a_wrong_value_is_one_line_that_names_the_variable() {
        for (flag, value, start) in [
            ("--port", "http", "PORT: invalid value 'http' for "),
            ("--queue-prefix", "{}", "QUEUE_PREFIX: invalid value '{}' for "),
            ("--log-format", "xml", "LOG_FORMAT: invalid value 'xml' for "),
            ("--count", "many", "invalid value 'many' for "),
            ("--colour", "red", "unexpected argument '--colour' found"),
        ] {
            let line = line(flag, value);
            assert!(line.starts_with(start) && !line.contains('\n'), "{line}");
        }
    }

    #[test]
    fn the_values_that_would_do_stand_in_the_line() {
        assert!(line("--log-format", "xml").contains("[possible values: pretty, json]"));
    }

    #[test]
    fn a_secret_is_not_shown() {
        for value in ["redis://:hunter2@host:port", "hunter2  \n\n hunter2"] {
            let line = line("--redis-url", value);
            assert!(line.starts_with("REDIS_URL: invalid value '…' for ") && !line.contains("hunter2"), "{line}");
        }
    }

    #[test]
    fn a_secret_of_a_command_below_is_not_shown_either() {
        #[derive(Debug, Parser)]
        enum Below {
            Do(Settings),
        }
        let error = Below::try_parse_from(["test", "do", "--redis-url", "redis://:hunter2@host:port"]).unwrap_err();
        assert!(error.to_string().contains("hunter2"), "it is there to be hidden");
        let shown = without_secret(&error, &mut Below::command());
        assert!(shown.contains("--redis-url") && !shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn a_contradiction_between_settings_reads_as_it_was_written() {
        let error = StartupError::from(ConfigError::new("A must be above B"));
        assert_eq!(error, StartupError::Refused("A must be above B".to_owned()));
    }
}
