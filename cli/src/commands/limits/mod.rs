//! `unilingo limits`: the rate limits of the fleet.

mod shown;
mod values;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;
use shared::{
    limiter::{Group, LimitName, limiter_status, set_limits, vouch},
    openai::{forget_parameters, learned_parameters},
};

use self::{
    shown::Shown,
    values::{Switches, Values},
};
use super::{provider::Provider, system::SystemArgs};

const EXAMPLES: &str = "\
Examples:
  unilingo limits show
  unilingo limits set --rpm 500 --tpm 200000       at once, for every worker
  unilingo limits set --concurrency 0              turns that constraint off
  unilingo limits unset --rpm                      what the workers were started with counts again
  unilingo limits unset                            the same for every limit
  unilingo limits forget                           refused parameters are sent again
  unilingo limits show --model gpt-4o --json";

/// What is done with the limits of a model, for the whole fleet.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum LimitsCommand {
    /// Show the limits in force, who has set them and what is used of them
    #[command(after_help = EXAMPLES)]
    Show(GroupArgs),
    /// Set limits at once and until they are unset, whatever the workers were started with
    #[command(after_help = EXAMPLES)]
    Set(SetArgs),
    /// Go back to what the workers were started with: of the limits named, or of all
    #[command(after_help = EXAMPLES)]
    Unset(UnsetArgs),
    /// Forget which parameters the model's upstream has refused: the settings decide again
    ///
    /// A parameter that the upstream refuses (the name of the output cap, its size, `reasoning_effort`, temperature,
    /// `response_format`) is replaced or dropped for the whole fleet, for a day. After this command the next call of each
    /// worker sends what the settings say; what is refused then is learned again.
    #[command(after_help = "Examples:\n  unilingo limits forget\n  unilingo limits forget --model gpt-4o --json")]
    Forget(GroupArgs),
    /// Let a Redis that is new or was restarted give permits at once: only where nothing was called just before
    ///
    /// A Redis that is new, was restarted, took a failed one's place or whose clock has stepped can't know of every call that
    /// was made before. It gives no permit for one window (`OPENAI_RATE_WINDOW_MS` and the guard; a new one for less, see
    /// `OPENAI_NEW_REDIS`), and then all is well again by itself. This command tells it that there was nothing to know of, so
    /// that jobs need not wait for that.
    ///
    /// You may do this when you know that no call went to the upstream within the last window: this Redis was
    /// started just now for a fleet that has never run, or all workers have been stopped for longer than a window.
    /// In any other case the fleet may exceed the limit of the upstream. It holds until the next restart.
    #[command(after_help = "Examples:\n  unilingo limits vouch")]
    Vouch(VouchArgs),
}

/// Models that share limits.
#[derive(Debug, Args)]
pub(crate) struct GroupArgs {
    /// Whose limits
    #[arg(long, env = "OPENAI_MODEL", default_value = shared::config::DEFAULT_MODEL)]
    model: String,

    /// Who serves the model
    #[arg(long, value_enum, default_value_t)]
    provider: Provider,

    #[command(flatten)]
    system: SystemArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    #[command(flatten)]
    values: Values,
    #[command(flatten)]
    group: GroupArgs,
}

#[derive(Debug, Args)]
pub(crate) struct UnsetArgs {
    #[command(flatten)]
    switches: Switches,
    #[command(flatten)]
    group: GroupArgs,
}

#[derive(Debug, Args)]
pub(crate) struct VouchArgs {
    #[command(flatten)]
    system: SystemArgs,
}

impl LimitsCommand {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Show(args) => args.change(&[]).await,
            Self::Set(args) => args.group.change(&args.values.changes()).await,
            Self::Unset(args) => args.group.change(&args.switches.changes()).await,
            Self::Forget(args) => args.forget().await,
            Self::Vouch(VouchArgs { system }) => {
                vouch(&system.redis()?, &system.keys()).await?;
                system.answer("Permits are given at once.", &json!({ "vouched": true }))
            }
        }
    }
}

impl GroupArgs {
    /// Makes the changes, if any, and shows where the limits stand then.
    async fn change(&self, changes: &[(LimitName, Option<u64>)]) -> anyhow::Result<ExitCode> {
        let (redis, keys) = (self.system.redis()?, self.system.keys());
        let group = Group::new(self.provider.as_str(), &self.model);
        if !changes.is_empty() {
            set_limits(&redis, &keys, &group, changes).await?;
        }
        let parameters = learned_parameters(&redis, &keys, &group).await?;
        let shown = Shown::new(&group, limiter_status(&redis, &keys, &group).await?, parameters);
        self.system.answer(&shown, &shown)
    }

    async fn forget(&self) -> anyhow::Result<ExitCode> {
        let group = Group::new(self.provider.as_str(), &self.model);
        let forgotten = forget_parameters(&self.system.redis()?, &self.system.keys(), &group).await?;
        let text = if forgotten { "Forgotten: the settings decide again." } else { "There was nothing to forget." };
        self.system.answer(text, &json!({ "group": group.as_str(), "forgotten": forgotten }))
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(subcommand)]
        command: LimitsCommand,
    }

    #[test]
    fn every_command_has_examples_and_reaches_any_redis() {
        Cli::command().debug_assert();
        let mut cli = Cli::command();
        cli.build();
        for command in cli.get_subcommands_mut().filter(|command| command.get_name() != "help") {
            let help = command.render_long_help().to_string();
            for text in ["Examples:", "--json", "REDIS_URL", "QUEUE_PREFIX"] {
                assert!(help.contains(text), "{text} in {help}");
            }
        }
    }

    #[test]
    fn the_group_is_that_of_the_model_and_its_provider() {
        let words = ["unilingo", "show", "--model", "whisper", "--provider", "azure"];
        let LimitsCommand::Show(args) = Cli::try_parse_from(words).unwrap().command else { panic!("show") };
        assert_eq!((args.model.as_str(), args.provider), ("whisper", Provider::Azure));
        let error = Cli::try_parse_from(["unilingo", "show", "--provider", "open:ai"]).unwrap_err();
        assert_eq!(error.exit_code(), 2);
    }
}
