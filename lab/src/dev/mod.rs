//! `lab dev`: the whole system on this machine, with a lesson and a recording through it.

mod args;
mod cards;
mod client;
mod folder;
mod launch;
mod leftovers;
mod lesson;
mod ports;
mod progress;
mod redis;
mod sample;
mod speech;
mod stack;
mod summary;

use std::{process::ExitCode, time::Duration};

use shared::lifecycle::Lifecycle;
use tokio::signal::unix::{SignalKind, signal};

pub(crate) use args::DevArgs;
use unilingo::output;

use self::{client::Api, folder::Folder, launch::Addresses, leftovers::Record, lesson::Lesson, stack::Stack};

/// What the shell says of a program that Ctrl-C has ended.
const INTERRUPTED: u8 = 130;
/// The simulator answers at once; a small model on a small machine takes its time.
const PATIENCE_SIMULATED: Duration = Duration::from_mins(2);
const PATIENCE_REAL: Duration = Duration::from_mins(15);
/// Each program has a bound of its own when it is stopped; this one is above all of them together.
const STOP_BOUND: Duration = Duration::from_mins(1);

/// Starts everything, shows the sample, and stays up or leaves. Whatever happens, what was started is stopped.
pub(crate) async fn run(args: DevArgs) -> anyhow::Result<ExitCode> {
    let lesson = args.text.as_deref().map_or_else(|| Ok(Lesson::sample()), Lesson::read)?;
    let folder = Folder::open(&args.dir)?;
    let lifecycle = Lifecycle::new();
    lifecycle.listen_for_signals(STOP_BOUND)?;
    // Somebody closes the terminal.
    let mut hangup = signal(SignalKind::hangup())?;
    let mut stack = Stack::new(folder.logs(), Record::new(folder.path()))?;

    let outcome = tokio::select! {
        // Once it is up, Ctrl-C is how a session ends well: it is asked first.
        biased;
        outcome = session(&args, &lesson, &folder, &mut stack, &lifecycle) => outcome,
        () = lifecycle.drain().cancelled() => Ok(ExitCode::from(INTERRUPTED)),
        _ = hangup.recv() => Ok(ExitCode::from(INTERRUPTED)),
    };
    output::line("Stopping.");
    stack.stop(lifecycle.leave()).await;
    lifecycle.finish().await;
    outcome
}

async fn session(
    args: &DevArgs,
    lesson: &Lesson,
    folder: &Folder,
    stack: &mut Stack,
    lifecycle: &Lifecycle,
) -> anyhow::Result<ExitCode> {
    for name in stack.leftovers().clean().await? {
        output::line(format_args!("Stopped {name}, which an earlier run left behind."));
    }
    output::line(summary::start(args, &folder.logs()));
    let addresses = launch::launch(args, folder, stack).await?;
    output::line(summary::upstream(args, &addresses));
    // Only what the programs do may end a session that stays up; a lesson that fails can be looked into.
    let shown = stack.watch(async { Ok(show(args, lesson, &addresses).await) }).await?;
    match shown {
        Ok(()) => {}
        Err(error) if args.once => return Err(error),
        Err(error) => output::error(format_args!("The sample has failed: {error:#}\n")),
    }
    if args.once {
        return Ok(ExitCode::SUCCESS);
    }
    output::line(summary::addresses(&addresses, &folder.logs()));
    tokio::select! {
        biased;
        () = lifecycle.drain().cancelled() => Ok(ExitCode::SUCCESS),
        error = stack.first_end() => Err(error),
    }
}

/// Makes the cards, has the sample recording assessed, and shows both.
async fn show(args: &DevArgs, lesson: &Lesson, addresses: &Addresses) -> anyhow::Result<()> {
    let patience = if args.simulated() { PATIENCE_SIMULATED } else { PATIENCE_REAL };
    output::line(summary::lesson(lesson));
    let (result, took) = sample::run(&Api::new(addresses.api.clone())?, lesson, patience).await?;
    output::line(format_args!("\n{}", cards::list(&result.flashcards)));
    output::line(summary::result(&result, took));
    output::line(speech::show(args, &addresses.api, patience).await?);
    Ok(())
}
