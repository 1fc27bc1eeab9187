//! `unilingo requeue`: putting failed jobs back.

mod moves;
mod tally;

use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use shared::{
    config::JobsConfig,
    dead_letter::{DeadLetters, Requeue},
    job::JobId,
    queue::{JobOrder, Queue},
};

use self::{moves::Moves, tally::Tally};
use super::{
    letters::{Consent, DONE, FilterArgs, Found, Groups, Look, NOT_ALL, Rate, confirm, named},
    system::SystemArgs,
};

/// More than so many letters are not put back without a word of consent.
const ASK_ABOVE: u64 = 100;

const EXAMPLES: &str = "\
Examples:
  unilingo requeue --all --dry-run                        what would be put back, by error; changes nothing
  unilingo requeue --error '^openai_' --since 2h          those that failed at the upstream in the last two hours
  unilingo requeue --all --yes --rate 50/s                all, fifty a second, without asking
  unilingo requeue --user ada --reset-attempts            with all attempts anew, and not just one more
  unilingo requeue 0198c0de-7a10-7abc-8def-0123456789ab   jobs by their ids

Each job is put back whole or not at all, once, whoever else does the same at the same time. When it is cut off, say it again: what
was put back is no dead letter any more. A job goes on from its last finished part, with the attempts that are left to it, or with
one more where none is. A job whose work was done meanwhile is completed with that.

A letter stays where its user is suspended, where it could overrun a budget that an operator has set, and where the queue is full
(QUEUE_MAX_WAITING and QUEUE_MAX_BYTES: give them as the api has them).

Exit codes: 0 all were put back; 1 failed; 2 wrong usage, or consent is needed; 3 nothing matched, or some stay.";

/// Which dead letters are put back, and how.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RequeueArgs {
    /// Jobs by their ids
    #[arg(value_name = "ID", conflicts_with_all = ["filter", "all"], required_unless_present_any = ["filter", "all"])]
    ids: Vec<JobId>,

    /// All dead letters
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    filter: FilterArgs,

    /// Show what would be put back, by error, and change nothing
    #[arg(long)]
    dry_run: bool,

    /// So many a second (50/s) or a minute (30/m)
    #[arg(long, value_name = "N/s", conflicts_with = "dry_run")]
    rate: Option<Rate>,

    /// Count attempts from 1 anew
    #[arg(long, conflicts_with = "dry_run")]
    reset_attempts: bool,

    /// Don't ask, however many there are
    #[arg(long, short)]
    yes: bool,

    #[command(flatten)]
    system: SystemArgs,

    #[command(flatten)]
    jobs: JobsConfig,
}

pub(super) async fn run(args: RequeueArgs) -> anyhow::Result<ExitCode> {
    let queue = Queue::new(args.system.redis()?, args.system.prefix(), args.jobs.clone());
    let (by_id, strangers) = named(&queue, &args.ids).await?;
    let filter = args.filter.now(&queue, u64::MAX).await?;
    let look = || if args.ids.is_empty() { Some(Look::new(&queue, &filter, JobOrder::Oldest)) } else { None };

    // Where nobody was asked and nothing is shown, one look is enough.
    let mut expected = None;
    if args.dry_run || !args.yes {
        let groups = count(&by_id, look()).await?;
        if args.dry_run {
            return show(&args, &groups, strangers);
        }
        if groups.letters() > ASK_ABOVE {
            let many = groups.letters();
            let consent = confirm(
                format_args!("{groups}\nPut {many} dead letters back?"),
                format_args!(
                    "{many} dead letters would be put back, and nobody can be asked: --dry-run shows them, --yes puts them back"
                ),
            );
            if let Consent::Refused(code) = consent {
                return Ok(code);
            }
        }
        expected = Some(groups.letters());
    }

    let letters = DeadLetters::new(queue.clone());
    let expected = match expected {
        Some(expected) => expected,
        None if args.ids.is_empty() => count_all(&letters, &filter).await?,
        None => by_id.iter().map(|found| found.letters.len() as u64).sum(),
    };
    let how = Requeue { reset_attempts: args.reset_attempts };
    let mut moves = Moves::new(letters, how, args.rate, expected);
    moves.tally.strangers = strangers;
    let outcome = moves.all(by_id, look()).await;
    let tally = moves.finish();
    if let Err(error) = outcome {
        let back = tally.back();
        return Err(error.context(format!("{back} were put back so far; say it again to go on")));
    }
    answer(&args, &tally)
}

/// What is meant, by error.
async fn count(by_id: &[Found], look: Option<Look>) -> anyhow::Result<Groups> {
    let mut groups = Groups::default();
    by_id.iter().flat_map(|found| &found.letters).for_each(|letter| groups.add(letter));
    if let Some(mut look) = look {
        while let Some(found) = look.next().await? {
            found.letters.iter().for_each(|letter| groups.add(letter));
        }
    }
    Ok(groups)
}

/// Dead letters in the queues that are meant.
async fn count_all(letters: &DeadLetters, filter: &super::letters::Filter) -> anyhow::Result<u64> {
    let mut all = 0;
    for queue in filter.queues() {
        all += letters.count(*queue).await?;
    }
    Ok(all)
}

fn show(args: &RequeueArgs, groups: &Groups, strangers: u64) -> anyhow::Result<ExitCode> {
    let (letters, code) = (groups.letters(), if groups.letters() == 0 || strangers > 0 { NOT_ALL } else { DONE });
    let document = json!({ "dry_run": true, "matched": letters, "no_dead_letters": strangers, "errors": groups });
    let mut text = match letters {
        0 => "No dead letter matches.".to_owned(),
        1 => format!("1 dead letter would be put back:\n\n{groups}"),
        _ => format!("{letters} dead letters would be put back:\n\n{groups}"),
    };
    if strangers > 0 {
        text = format!("{text}\n\n{strangers} of the ids are none of a dead letter.");
    }
    args.system.answer(text, &document)?;
    Ok(ExitCode::from(code))
}

fn answer(args: &RequeueArgs, tally: &Tally) -> anyhow::Result<ExitCode> {
    args.system.answer(tally, &tally.document())?;
    Ok(ExitCode::from(if tally.is_whole() { DONE } else { NOT_ALL }))
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser, error::ErrorKind};

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        requeue: RequeueArgs,
    }

    const ID: &str = "0198c0de-7a10-7abc-8def-0123456789ab";

    fn parsed(words: &[&str]) -> Result<RequeueArgs, ErrorKind> {
        Cli::try_parse_from([&["unilingo"], words].concat()).map(|cli| cli.requeue).map_err(|error| error.kind())
    }

    #[test]
    fn it_must_be_said_which_letters_are_meant() {
        Cli::command().debug_assert();
        assert_eq!(parsed(&[]).unwrap_err(), ErrorKind::MissingRequiredArgument);
        assert_eq!(parsed(&["--yes"]).unwrap_err(), ErrorKind::MissingRequiredArgument);
        assert_eq!(parsed(&[ID, "--user", "ada"]).unwrap_err(), ErrorKind::ArgumentConflict);
        assert_eq!(parsed(&[ID, "--all"]).unwrap_err(), ErrorKind::ArgumentConflict);
        assert_eq!(parsed(&["all"]).unwrap_err(), ErrorKind::ValueValidation);
        for words in [&[ID][..], &["--all"], &["--limit", "5"], &["--all", "--limit", "5"], &["--error", "x", "-y"]] {
            parsed(words).unwrap();
        }
    }

    #[test]
    fn help_has_examples_and_the_exit_codes() {
        let help = Cli::command().render_long_help().to_string();
        for text in ["Examples:", "Exit codes: 0 ", "--dry-run", "--json", "REDIS_URL", "QUEUE_MAX_WAITING"] {
            assert!(help.contains(text), "{text} in {help}");
        }
    }
}
