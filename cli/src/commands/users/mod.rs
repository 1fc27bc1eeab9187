//! `unilingo users`: learners and servers' keys, as far as something is known of them.

mod shown;

use std::process::ExitCode;

use clap::{Args, Subcommand, builder::NonEmptyStringValueParser};
use serde_json::json;
use shared::{config::JobsConfig, queue::Queue, users::Users};

use self::shown::{Overview, Shown};
use super::{
    letters::{Consent, DONE, NOT_ALL, confirm},
    system::SystemArgs,
    user_name::user_name,
};
use crate::output::plain;

const EXAMPLES: &str = "\
Examples:
  unilingo users list                                 who was there lately
  unilingo users show ada                             what ada did and spent
  unilingo users suspend mallory --reason 'too much'  asks for no more jobs; --cancel-jobs ends those there are
  unilingo users unsuspend mallory
  unilingo users reset ada                            forgets what was counted of ada
  unilingo users erase ada                            removes all that is kept of ada: jobs, texts, results, counts

Exit codes: 0 done; 1 failed; 2 wrong usage, or consent is needed; 3 nothing is known of the user.";

/// What is done with users.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum UsersCommand {
    /// List users, those seen last first
    #[command(after_help = EXAMPLES)]
    List(ListArgs),
    /// Show what a user did and spent, and whether the user is suspended
    #[command(after_help = EXAMPLES)]
    Show(UserArgs),
    /// Let a user ask for no more jobs
    #[command(after_help = EXAMPLES)]
    Suspend(SuspendArgs),
    /// Let a user ask for jobs again
    #[command(after_help = EXAMPLES)]
    Unsuspend(UserArgs),
    /// Forget what was counted of a user; jobs, spending and a suspension stay
    #[command(after_help = EXAMPLES)]
    Reset(UserArgs),
    /// Remove all that is kept of a user, for good; a suspension and what was spent today stay
    #[command(after_help = EXAMPLES)]
    Erase(Box<EraseArgs>),
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    limit: u16,
    #[command(flatten)]
    system: SystemArgs,
}

#[derive(Debug, Args)]
pub(crate) struct UserArgs {
    /// The user
    #[arg(value_parser = user_name)]
    user: String,
    #[command(flatten)]
    system: SystemArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SuspendArgs {
    /// The user
    #[arg(value_parser = user_name)]
    user: String,

    /// Why, for other operators: the user is not told
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    reason: String,

    /// Cancel the user's jobs that have not ended
    #[arg(long)]
    cancel_jobs: bool,

    #[command(flatten)]
    system: SystemArgs,
    #[command(flatten)]
    jobs: JobsConfig,
}

#[derive(Debug, Args)]
pub(crate) struct EraseArgs {
    /// The user
    #[arg(value_parser = user_name)]
    user: String,

    /// Don't ask
    #[arg(long, short)]
    yes: bool,

    #[command(flatten)]
    system: SystemArgs,
    #[command(flatten)]
    jobs: JobsConfig,
}

impl UsersCommand {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::List(args) => {
                let users = Users::new(args.system.queue()?);
                let overview = Overview(users.overview(None, args.limit.into()).await?);
                args.system.answer(&overview, &overview.document())
            }
            Self::Show(args) => show(&args).await,
            Self::Suspend(args) => suspend(args).await,
            Self::Unsuspend(args) => {
                Users::new(args.system.queue()?).lift_suspension(&args.user).await?;
                let text = format!("{} may ask for jobs", plain(&args.user));
                args.system.answer(text, &json!({ "user": args.user, "suspended": false }))
            }
            Self::Reset(args) => {
                let known = Users::new(args.system.queue()?).reset_tracking(&args.user).await?;
                let what = if known { "is forgotten" } else { "was nothing" };
                let text = format!("What was counted of {} {what}", plain(&args.user));
                args.system.answer(text, &json!({ "user": args.user, "reset": known }))?;
                Ok(ExitCode::from(if known { DONE } else { NOT_ALL }))
            }
            Self::Erase(args) => erase(*args).await,
        }
    }
}

async fn show(args: &UserArgs) -> anyhow::Result<ExitCode> {
    let detail = Users::new(args.system.queue()?).detail(&args.user).await?;
    let shown = Shown { user: &args.user, detail };
    args.system.answer(&shown, &shown.document())?;
    Ok(ExitCode::from(if shown.is_known() { DONE } else { NOT_ALL }))
}

async fn suspend(args: SuspendArgs) -> anyhow::Result<ExitCode> {
    let users = Users::new(Queue::new(args.system.redis()?, args.system.prefix(), args.jobs.clone()));
    users.suspend(&args.user, &args.reason).await?;
    let cancelled = if args.cancel_jobs { users.cancel_jobs(&args.user).await? } else { 0 };
    let mut text = format!("{} may ask for no more jobs", plain(&args.user));
    if args.cancel_jobs {
        text = format!("{text}; {cancelled} jobs are cancelled");
    }
    let document = json!({ "user": args.user, "suspended": true, "reason": args.reason, "cancelled_jobs": cancelled });
    args.system.answer(text, &document)
}

async fn erase(args: EraseArgs) -> anyhow::Result<ExitCode> {
    let user = plain(&args.user);
    if !args.yes {
        let consent = confirm(
            format_args!("Remove all that is kept of {user}, for good?"),
            format_args!(
                "all that is kept of {user} would be removed for good, and nobody can be asked: --yes removes it"
            ),
        );
        if let Consent::Refused(code) = consent {
            return Ok(code);
        }
    }
    let users = Users::new(Queue::new(args.system.redis()?, args.system.prefix(), args.jobs.clone()));
    let erased = users.erase(&args.user).await?;
    let text = format!(
        "{user} is erased: {} jobs, of which {} had not ended, and {} results; {} results stay for their time, which jobs of \
         others have come to",
        erased.jobs, erased.cancelled, erased.results, erased.results_kept
    );
    let document = json!({
        "user": args.user,
        "jobs": erased.jobs,
        "cancelled": erased.cancelled,
        "results": erased.results,
        "results_kept": erased.results_kept,
    });
    args.system.answer(text, &document)
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(subcommand)]
        command: UsersCommand,
    }

    #[test]
    fn a_user_must_be_named_and_a_suspension_needs_a_reason() {
        Cli::command().debug_assert();
        for words in
            [&["show"][..], &["show", ""], &["suspend", "ada"], &["suspend", "ada", "--reason", ""], &["erase"]]
        {
            let error = Cli::try_parse_from([&["unilingo"], words].concat()).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{words:?}");
        }
        Cli::try_parse_from(["unilingo", "suspend", "ada", "--reason", "why"]).unwrap();
    }
}
