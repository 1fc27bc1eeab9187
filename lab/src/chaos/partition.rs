//! `chaos partition`: Redis is there, and nobody hears from it.

use std::process::ExitCode;

use clap::Args;
use tokio::time::{Duration, sleep};
use tokio_util::sync::CancellationToken;

use super::{
    attempt::Interruptions,
    ended,
    load::Load,
    network::Trouble,
    report::Report,
    run::Run,
    system::{LEASE, Setup, System},
    usage::Usage,
};

/// Most of a core that a process may use while it hears nothing.
const CPU_SHARE: f64 = 0.05;
/// Most lines that a process may log in a second, beside one a slot for the job that it could not settle.
const LINES_PER_SECOND: u64 = 20;
/// How long everything has to end.
const PATIENCE: Duration = Duration::from_mins(1);
/// The load before, between and after.
const CALM: Duration = Duration::from_secs(3);
/// Jobs that one worker runs at once.
const SLOTS: u32 = 32;

/// Redis pauses, and then no byte passes between it and our processes, under load.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lab chaos partition\n  lab chaos partition --stall-ms 3000")]
pub(crate) struct PartitionArgs {
    /// How long Redis pauses (CLIENT PAUSE), in ms
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(100..=60_000))]
    pause_ms: u64,
    /// How long no byte passes afterwards, in ms
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(100..=60_000))]
    stall_ms: u64,
    /// Requests a second
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    per_second: u64,
}

/// What happens while processes hear nothing.
#[derive(Debug, Clone, Copy)]
enum Silence {
    Pause(Duration),
    Stall(Duration),
}

/// What a silence came to.
#[derive(Debug)]
struct Heard {
    silence: Silence,
    usage: Vec<Usage>,
    worked_ms: u64,
}

pub(super) async fn run(args: PartitionArgs) -> anyhow::Result<ExitCode> {
    let (window, latency) = (Duration::from_secs(1), Duration::from_millis(100));
    let setup = Setup { fsync: None, calls: 3 * args.per_second, window, latency, slots: SLOTS, lease: LEASE };
    let mut run = Run::begin(setup, 2, 4).await?;
    let done = args.torment(&mut run).await;
    ended(run, done)
}

impl PartitionArgs {
    async fn torment(&self, run: &mut Run) -> anyhow::Result<Report> {
        let load = Load { apis: run.system.fleet.addresses(), per_second: self.per_second, most: 1_000_000 };
        let stop = CancellationToken::new();
        let Run { system, interruptions, accepted, .. } = run;
        let silences = async {
            let (pause, stall) = (Duration::from_millis(self.pause_ms), Duration::from_millis(self.stall_ms));
            let mut heard = Vec::new();
            for silence in [Silence::Pause(pause), Silence::Stall(stall)] {
                sleep(CALM).await;
                heard.push(silence.fall(system, interruptions).await?);
            }
            sleep(CALM).await;
            stop.cancel();
            anyhow::Ok(heard)
        };
        let (heard, ()) = tokio::try_join!(silences, load.run(accepted, &stop))?;
        let all_ended = run.until_all_ended(PATIENCE).await?;

        let mut report = Report::default();
        for heard in &heard {
            heard.check(&mut report);
        }
        report.check(all_ended, format_args!("all jobs ended within {} s", PATIENCE.as_secs()));
        let ended = run.system.fleet.check_alive().err().map(|error| error.to_string());
        report.check(
            ended.is_none(),
            format_args!(
                "processes of ours that ended {} (0) {}",
                u32::from(ended.is_some()),
                ended.unwrap_or_default()
            ),
        );
        let ends = run.books().check(&mut report).await?;
        let accepted = run.accepted.count();
        report.check(
            ends.completed == accepted,
            format_args!("completed {} of {accepted}, further attempts {}", ends.completed, ends.further_attempts),
        );
        Ok(report)
    }
}

impl Silence {
    async fn fall(self, system: &mut System, interruptions: &mut Interruptions) -> anyhow::Result<Heard> {
        let before = Usage::of(&system.fleet)?;
        let over_ms = match self {
            Self::Pause(span) => system.pause_redis(span, interruptions).await?,
            Self::Stall(span) => system.partition(Trouble::Stall, span, interruptions).await?,
        };
        let after = Usage::of(&system.fleet)?;
        let usage = after.iter().zip(&before).map(|(after, before)| after.since(before)).collect();
        let worked_ms = system.first_end_after(over_ms, PATIENCE).await?.saturating_sub(over_ms);
        Ok(Heard { silence: self, usage, worked_ms })
    }
}

impl Heard {
    fn check(&self, report: &mut Report) {
        let (what, span) = match self.silence {
            Silence::Pause(span) => ("CLIENT PAUSE", span),
            Silence::Stall(span) => ("partition", span),
        };
        let seconds = span.as_secs_f64();
        Report::note(format_args!("{what} of {seconds} s: the first job ended {} ms after it", self.worked_ms));
        let (most_cpu, most_lines) = (CPU_SHARE * seconds, LINES_PER_SECOND * span.as_secs().max(1) + u64::from(SLOTS));
        for Usage { name, cpu_seconds, log_lines } in &self.usage {
            report.check(
                *cpu_seconds <= most_cpu && *log_lines <= most_lines,
                format_args!(
                    "{what}, {name}: {cpu_seconds:.2} s on a core (at most {most_cpu:.2}), log lines {log_lines} (at most \
                     {most_lines})"
                ),
            );
        }
    }
}
