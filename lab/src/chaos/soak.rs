//! `chaos soak`: everything at once, at random.

use std::{collections::HashMap, process::ExitCode};

use clap::Args;
use rand::{Rng, SeedableRng, rngs::StdRng};
use shared::testing::simulator::Fault;
use tokio::time::{Duration, Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{
    ended,
    ends::Ends,
    load::Load,
    report::Report,
    run::Run,
    seed::Seed,
    system::{ATTEMPTS, LEASE, Setup},
    torment::Torment,
};

/// How long everything has to end when nothing is done to it any more.
const PATIENCE: Duration = Duration::from_mins(2);

/// Everything at once, at random, for as long as asked; then the books are checked.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lab chaos soak\n  lab chaos soak --seconds 20 --seed 7\n\nA seed fixes what is drawn, not when: which job an action meets, and so what can be drawn next, is up to the machine."
)]
pub(crate) struct SoakArgs {
    /// How long, in seconds; the time that everything has to recover in comes on top
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// Requests a second
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    per_second: u64,
    #[command(flatten)]
    seed: Seed,
}

pub(super) async fn run(args: SoakArgs) -> anyhow::Result<ExitCode> {
    let (window, latency) = (Duration::from_secs(1), Duration::from_millis(100));
    let setup = Setup { fsync: Some("always"), calls: 3 * args.per_second, window, latency, slots: 16, lease: LEASE };
    let mut run = Run::begin(setup, 2, 4).await?;
    let done = args.torment(&mut run).await;
    ended(run, done)
}

impl SoakArgs {
    async fn torment(&self, run: &mut Run) -> anyhow::Result<Report> {
        let random = StdRng::seed_from_u64(self.seed.announce());
        let load = Load { apis: run.system.fleet.addresses(), per_second: self.per_second, most: 10_000_000 };
        let stop = CancellationToken::new();
        let Run { system, interruptions, accepted, .. } = run;
        let mut torment = Torment::new(system, interruptions, random);
        let actions = async {
            let until = Instant::now() + Duration::from_secs(self.seconds);
            while Instant::now() < until {
                torment.act().await?;
                let pause = torment.random.random_range(50..=600);
                sleep(Duration::from_millis(pause)).await;
            }
            let counts = torment.recover().await?;
            stop.cancel();
            anyhow::Ok(counts)
        };
        let (counts, ()) = tokio::try_join!(actions, load.run(accepted, &stop))?;
        let since = Instant::now();
        let all_ended = run.until_all_ended(PATIENCE).await?;

        let mut report = Report::default();
        let done: Vec<String> = counts.iter().map(|(name, times)| format!("{name} {times}")).collect();
        Report::note(format_args!("done: {}", done.join(", ")));
        report.check(
            all_ended,
            format_args!(
                "all jobs ended {:.1} s after the last trouble (at most {} s)",
                since.elapsed().as_secs_f64(),
                PATIENCE.as_secs()
            ),
        );
        let ends = run.books().check(&mut report).await?;
        check_dead_letters(run, &ends, &mut report);
        Ok(report)
    }
}

/// A job may fail where the upstream would not work on it, or where its last attempt did not end well.
fn check_dead_letters(run: &Run, ends: &Ends, report: &mut Report) {
    let mut refused: HashMap<String, u32> = HashMap::new();
    for call in run.system.upstream.arrivals() {
        if matches!(call.fault, Some(Fault::BadRequest | Fault::Refusal)) {
            *refused.entry(call.job).or_default() += 1;
        }
    }
    let unexplained: Vec<String> = ends
        .failed
        .iter()
        .filter(|job| job.attempts < ATTEMPTS && !refused.contains_key(&job.id))
        .map(|job| format!("{} {}", job.id, job.code))
        .collect();
    report.check(
        unexplained.is_empty(),
        format_args!(
            "dead letters {}, without a refusal of the upstream and with attempts left {} (0) {}; further attempts {}",
            ends.failed.len(),
            unexplained.len(),
            unexplained.join(", "),
            ends.further_attempts
        ),
    );
}
