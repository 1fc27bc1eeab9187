//! `bench limit`: what a fleet of worker processes makes of the upstream's limit.
//!
//! Every round has a Redis, an upstream that enforces the limit, and worker processes of its own. It is judged at the
//! upstream's door: no window may hold more calls than the limit, and few of those that it allows may be wasted.

mod bullmq;
mod busy;
mod fleet;
mod ours;
mod round;
mod row;
mod setting;
mod system;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, ValueEnum};
use unilingo::output;

use self::{
    bullmq::BullMq,
    busy::Busy,
    ours::Ours,
    round::Round,
    row::Row,
    setting::{EDGE, Settings},
    system::System,
};

const EXAMPLES: &str = "\
Examples:
  lab bench limit
      11 minutes; its flashcard-worker is the one beside this program
  lab bench limit --setting 6s --processes 4
  lab bench limit --setting 6s --guard-ms 20 --busy
  lab bench limit --peer bullmq
      beside BullMQ, from the top of the repository; needs node and npm

worst window   most calls in any [t, t + window), by the upstream's log
utilisation    calls (refused ones too) of those that the limit allows; the guard counts as a loss
scripts/call   scripts that Redis ran
edge           from idle, one job, and twice the limit just before the window of its call ends";

/// Whether worker processes together keep to the upstream's limit and use all of it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct LimitArgs {
    /// Numbers of worker processes, one after the other; the largest one meets the edge of a window as well
    #[arg(long, value_delimiter = ',', default_value = "1,2,4,8", value_parser = clap::value_parser!(u32).range(1..=64))]
    processes: Vec<u32>,
    /// The limit
    #[arg(long, value_enum, default_value_t)]
    setting: Settings,
    /// Whole windows, each with its guard, that are measured [default: 5 of 6 s, 2 of 60 s]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    windows: Option<u32>,
    /// How long the upstream takes to answer, in ms
    #[arg(long, default_value_t = 50)]
    latency_ms: u64,
    /// `OPENAI_RATE_GUARD_MS` of the workers [default: their own]
    #[arg(long)]
    guard_ms: Option<u64>,
    /// Keep every core busy meanwhile
    #[arg(long)]
    busy: bool,
    /// Measure this limiter as well
    #[arg(long, value_enum)]
    peer: Option<Peer>,
    /// Where the peer is
    #[arg(long, default_value = "tests/peers/bullmq")]
    folder: PathBuf,
}

/// Whose limiter ours is held against.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Peer {
    /// `BullMQ`, on node
    Bullmq,
}

pub(super) async fn run(args: LimitArgs) -> anyhow::Result<ExitCode> {
    let ours = Ours::new(args.guard_ms)?;
    let peer = match args.peer {
        Some(Peer::Bullmq) => Some(BullMq::new(&args.folder).await?),
        None => None,
    };
    let busy = args.busy.then(Busy::start);
    let mut rows = args.measure(&ours).await?;
    if let Some(peer) = &peer {
        rows.extend(args.measure(peer).await?);
    }
    drop(busy);
    row::table(&rows).iter().for_each(output::line);
    Ok(ExitCode::SUCCESS)
}

impl LimitArgs {
    async fn measure<S: System>(&self, system: &S) -> anyhow::Result<Vec<Row>> {
        let mut rows = Vec::new();
        for setting in self.setting.list() {
            for &processes in &self.processes {
                let round = Round { system, limit: setting.limit, processes, latency_ms: self.latency_ms };
                let row = round.saturated(self.windows.unwrap_or(setting.windows), setting.least).await?;
                output::line(&row);
                rows.push(row);
            }
        }
        let processes = self.processes.iter().copied().max().unwrap_or(1);
        let row = Round { system, limit: EDGE, processes, latency_ms: self.latency_ms }.edge().await?;
        output::line(&row);
        rows.push(row);
        Ok(rows)
    }
}
