//! `unilingo breaker`: the circuit breaker of a provider.

use std::{fmt, process::ExitCode};

use clap::{Args, Subcommand};
use serde::Serialize;
use shared::{
    breaker::{BreakerState, BreakerStatus, breaker_status, close_breaker, open_breaker},
    timestamp::rfc3339,
};

use super::{provider::Provider, system::SystemArgs};
use crate::output::plain;

const EXAMPLES: &str = "\
Examples:
  unilingo breaker show
  unilingo breaker open            no call goes to OpenAI any more; jobs are accepted and wait
  unilingo breaker close           the account works again: do not wait for the next probe
  unilingo breaker show azure --json";

/// What is done with a breaker. The whole fleet shares it.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum BreakerCommand {
    /// Show whether calls go, and why not
    #[command(after_help = EXAMPLES)]
    Show(BreakerArgs),
    /// Let no call go until `breaker close`: jobs wait, and calls under way go on
    #[command(after_help = EXAMPLES)]
    Open(BreakerArgs),
    /// Let calls go again, whatever has opened it
    #[command(after_help = EXAMPLES)]
    Close(BreakerArgs),
}

#[derive(Debug, Args)]
pub(crate) struct BreakerArgs {
    /// Whose breaker
    #[arg(value_enum, default_value_t)]
    provider: Provider,

    #[command(flatten)]
    system: SystemArgs,
}

impl BreakerCommand {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let (Self::Show(args) | Self::Open(args) | Self::Close(args)) = &self;
        let (redis, keys, provider) = (args.system.redis()?, args.system.keys(), args.provider.as_str());
        match self {
            Self::Show(_) => {}
            Self::Open(_) => open_breaker(&redis, &keys, provider).await?,
            Self::Close(_) => close_breaker(&redis, &keys, provider).await?,
        }
        let shown = Shown { provider, status: breaker_status(&redis, &keys, provider).await? };
        args.system.answer(&shown, &shown)
    }
}

/// A breaker as it is shown.
#[derive(Debug, Serialize)]
struct Shown {
    provider: &'static str,
    #[serde(flatten)]
    status: BreakerStatus,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { provider, status } = self;
        let state = match status.state {
            BreakerState::Closed => "closed: calls go",
            BreakerState::Open => "open: no call goes",
            BreakerState::HalfOpen => "half-open: one call goes at a time",
        };
        write!(f, "{provider:<12}{state}")?;
        if let Some(reason) = &status.reason {
            write!(f, "\nreason      {}", plain(reason))?;
        }
        if let Some(opened) = status.opened_at_ms {
            write!(f, "\nopened      {}", rfc3339(opened))?;
        }
        match status {
            BreakerStatus { state: BreakerState::Closed, failures, .. } => write!(f, "\nfailures    {failures}"),
            BreakerStatus { reason: Some(reason), .. } if reason == "operator" => {
                write!(f, "\nnext probe  none before `unilingo breaker close {provider}`")
            }
            BreakerStatus { state: BreakerState::Open, next_probe_at_ms: Some(at), .. } => {
                write!(f, "\nnext probe  {}", rfc3339(*at))
            }
            BreakerStatus { successes, .. } => write!(f, "\nsuccesses   {successes}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser, error::ErrorKind};

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(subcommand)]
        command: BreakerCommand,
    }

    const CLOSED: BreakerStatus = BreakerStatus {
        state: BreakerState::Closed,
        reason: None,
        failures: 3,
        last_failure_at_ms: None,
        successes: 0,
        opened_at_ms: None,
        next_probe_at_ms: None,
    };

    fn text(status: BreakerStatus) -> String {
        Shown { provider: "openai", status }.to_string()
    }

    #[test]
    fn the_provider_is_openai_unless_another_one_is_named() {
        Cli::command().debug_assert();
        let of = |words: &[&str]| match Cli::try_parse_from(words).unwrap().command {
            BreakerCommand::Open(args) => args.provider,
            other => panic!("{other:?}"),
        };
        assert_eq!(of(&["unilingo", "open"]), Provider::Openai);
        assert_eq!(of(&["unilingo", "open", "azure"]), Provider::Azure);
    }

    #[test]
    fn an_unknown_provider_is_wrong_usage_that_lists_the_known_ones() {
        let error = Cli::try_parse_from(["unilingo", "close", "opanai"]).unwrap_err();
        assert_eq!((error.kind(), error.exit_code()), (ErrorKind::InvalidValue, 2));
        assert!(error.to_string().contains("[possible values: openai, azure]"), "{error}");
    }

    #[test]
    fn a_closed_breaker_shows_the_failures_that_count() {
        assert_eq!(text(CLOSED), "openai      closed: calls go\nfailures    3");
    }

    #[test]
    fn an_open_one_shows_why_and_until_when() {
        let open = BreakerStatus {
            state: BreakerState::Open,
            reason: Some("openai_server_error".to_owned()),
            opened_at_ms: Some(1_709_208_000_123),
            next_probe_at_ms: Some(1_709_208_060_123),
            ..CLOSED
        };
        assert_eq!(
            text(open.clone()),
            "openai      open: no call goes\n\
             reason      openai_server_error\n\
             opened      2024-02-29T12:00:00.123Z\n\
             next probe  2024-02-29T12:01:00.123Z"
        );
        let by_operator = text(BreakerStatus { reason: Some("operator".to_owned()), ..open });
        assert!(by_operator.ends_with("\nnext probe  none before `unilingo breaker close openai`"), "{by_operator}");
    }

    #[test]
    fn a_half_open_one_shows_the_probes_that_succeeded() {
        let half_open = text(BreakerStatus { state: BreakerState::HalfOpen, successes: 1, ..CLOSED });
        assert_eq!(half_open, "openai      half-open: one call goes at a time\nsuccesses   1");
    }
}
