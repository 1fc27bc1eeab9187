//! `unilingo budget`: what may be spent, and what was.

mod shown;
mod values;

use std::process::ExitCode;

use clap::{Args, Subcommand, builder::NonEmptyStringValueParser};
use shared::budget::{Budget, Limits};

use self::{
    shown::Shown,
    values::{Switches, Values},
};
use super::{system::SystemArgs, user_name::user_name};

const EXAMPLES: &str = "\
Examples:
  unilingo budget show --user ada
  unilingo budget set --user-tokens-per-day 200000 --fleet-usd-per-month 250
  unilingo budget set --user-usd-per-day 0           no limit, whatever the api is configured to
  unilingo budget unset --user-usd-per-day           what the api is configured to counts again
  unilingo budget unset                              the same for every limit
  unilingo budget kill --reason 'key leaked'         no job is accepted or started any more
  unilingo budget unkill";

/// What is done with the budget, for the whole fleet. Days and months are those of UTC.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum BudgetCommand {
    /// Show the kill switch, the limits that were set, and what is spent and held
    #[command(after_help = EXAMPLES)]
    Show(ShowArgs),
    /// Set limits at once and until they are unset, whatever the api is configured to (BUDGET_…)
    #[command(after_help = EXAMPLES)]
    Set(SetArgs),
    /// Go back to what the api is configured to (BUDGET_…): of the limits named, or of all
    #[command(after_help = EXAMPLES)]
    Unset(UnsetArgs),
    /// Accept no jobs and start none until `budget unkill`; those that run go on
    #[command(after_help = EXAMPLES)]
    Kill(KillArgs),
    /// Accept and start jobs again
    #[command(after_help = EXAMPLES)]
    Unkill(UnkillArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Show what this user has spent today as well
    #[arg(long, value_parser = user_name)]
    user: Option<String>,

    #[command(flatten)]
    system: SystemArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    #[command(flatten)]
    values: Values,
    #[command(flatten)]
    system: SystemArgs,
}

#[derive(Debug, Args)]
pub(crate) struct UnsetArgs {
    #[command(flatten)]
    switches: Switches,
    #[command(flatten)]
    system: SystemArgs,
}

#[derive(Debug, Args)]
pub(crate) struct KillArgs {
    /// Why, for other operators: `budget show` and the api's log tell it
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    reason: String,

    #[command(flatten)]
    system: SystemArgs,
}

#[derive(Debug, Args)]
pub(crate) struct UnkillArgs {
    #[command(flatten)]
    system: SystemArgs,
}

impl BudgetCommand {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let system = self.system();
        // What holds where nothing is set is the api's business: this process can't know it.
        let budget = Budget::new(system.redis()?, system.keys(), Limits::default());
        let changes = match &self {
            Self::Set(args) => args.values.changes(),
            Self::Unset(args) => args.switches.changes(),
            Self::Show(_) | Self::Kill(_) | Self::Unkill(_) => Vec::new(),
        };
        if !changes.is_empty() {
            budget.set_limits(&changes).await?;
        }
        match &self {
            Self::Kill(args) => budget.set_kill_switch(Some(&args.reason)).await?,
            Self::Unkill(_) => budget.set_kill_switch(None).await?,
            Self::Show(_) | Self::Set(_) | Self::Unset(_) => {}
        }
        let user = if let Self::Show(args) = &self { args.user.as_deref() } else { None };
        let shown = Shown(budget.status(user).await?);
        system.answer(&shown, &shown.document())
    }

    const fn system(&self) -> &SystemArgs {
        match self {
            Self::Show(ShowArgs { system, .. })
            | Self::Set(SetArgs { system, .. })
            | Self::Unset(UnsetArgs { system, .. })
            | Self::Kill(KillArgs { system, .. })
            | Self::Unkill(UnkillArgs { system }) => system,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(subcommand)]
        command: BudgetCommand,
    }

    fn exit_code(args: &[&str]) -> i32 {
        Cli::try_parse_from([&["unilingo"], args].concat()).unwrap_err().exit_code()
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
    fn the_kill_switch_needs_a_reason() {
        let words = ["unilingo", "kill", "--reason", "key leaked"];
        let BudgetCommand::Kill(args) = Cli::try_parse_from(words).unwrap().command else { panic!("kill") };
        assert_eq!(args.reason, "key leaked");
        assert_eq!([exit_code(&["kill"]), exit_code(&["kill", "--reason", ""])], [2, 2]);
    }

    #[test]
    fn nobody_is_no_user() {
        assert_eq!(exit_code(&["show", "--user", ""]), 2);
    }
}
