//! `unilingo workers`: who works.

use std::{fmt, process::ExitCode};

use clap::Args;
use serde::Serialize;
use shared::{
    job::QueueName,
    queue::{LineFigures, line_figures},
    timestamp::rfc3339,
    workers::{LiveWorker, live_workers},
};

use super::{queue::queue_names, system::SystemArgs};
use crate::output::{plain, width};

const EXAMPLES: &str = "\
Examples:
  unilingo workers
  unilingo workers --queue ai-jobs --json

A worker says every ten seconds that it lives. One that stops is not listed any more, though it may still finish jobs; one that was
killed is, for thirty seconds. Below the list are workers that were lost with jobs in hand.";

/// Which workers are listed.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct WorkersArgs {
    /// Of this queue
    #[arg(long, value_name = "QUEUE", value_parser = queue_names())]
    queue: Option<QueueName>,

    #[command(flatten)]
    system: SystemArgs,
}

pub(super) async fn run(args: WorkersArgs) -> anyhow::Result<ExitCode> {
    let (redis, keys) = (args.system.redis()?, args.system.keys());
    let (mut workers, mut lost) = (Vec::new(), Vec::new());
    for queue in QueueName::ALL.into_iter().filter(|queue| args.queue.is_none_or(|wanted| wanted == *queue)) {
        workers.extend(live_workers(&redis, &keys, queue).await?.into_iter().map(Shown::from));
        let figures = line_figures(&redis, &keys, queue).await?;
        if figures.workers_lost > 0 || figures.suspects > 0 {
            lost.push(Lost { queue: queue.as_str(), figures });
        }
    }
    let listed = Listed { workers, lost };
    args.system.answer(&listed, &listed)
}

/// Workers of a queue that were lost a short time ago.
struct Lost {
    queue: &'static str,
    figures: LineFigures,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LineFigures { suspects, workers_lost, last_loss_ms, .. } = self.figures;
        let last = rfc3339(last_loss_ms);
        write!(
            f,
            "{}: {workers_lost} workers were lost within the last ten minutes, the last one at {last}; {suspects} of their jobs wait",
            self.queue
        )
    }
}

#[derive(Debug, Serialize)]
struct Shown {
    id: String,
    queue: &'static str,
    replica: String,
    version: String,
    started: String,
    slots: u32,
    busy: u32,
    seen: String,
}

impl From<LiveWorker> for Shown {
    fn from(worker: LiveWorker) -> Self {
        Self {
            id: worker.id,
            queue: worker.queue.as_str(),
            replica: worker.replica,
            version: worker.version,
            started: rfc3339(worker.started_at_ms),
            slots: worker.slots,
            busy: worker.busy,
            seen: rfc3339(worker.seen_at_ms),
        }
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Listed {
    workers: Vec<Shown>,
    #[serde(skip)]
    lost: Vec<Lost>,
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_table(f)?;
        self.lost.iter().try_for_each(|lost| write!(f, "\n{lost}"))
    }
}

impl Listed {
    fn write_table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.workers.is_empty() {
            return f.write_str("No worker takes jobs.");
        }
        let id = width("worker", self.workers.iter().map(|worker| &*worker.id));
        let version = width("version", self.workers.iter().map(|worker| &*worker.version));
        write!(
            f,
            "{:<id$}  {:<10}  {:<version$}  {:<24}  {:>6}  {:>6}  {:<24}",
            "worker", "queue", "version", "started", "slots", "busy", "heard"
        )?;
        for worker in &self.workers {
            write!(
                f,
                "\n{:<id$}  {:<10}  {:<version$}  {:<24}  {:>6}  {:>6}  {:<24}",
                plain(&worker.id),
                worker.queue,
                plain(&worker.version),
                worker.started,
                worker.slots,
                worker.busy,
                worker.seen
            )?;
        }
        Ok(())
    }
}
