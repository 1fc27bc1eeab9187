//! `chaos stop`: SIGTERM of a worker in the middle of its work.

use std::process::ExitCode;

use clap::Args;
use tokio::time::{Duration, timeout};

use super::{
    ended,
    feed::{enqueue, queue},
    fleet::PATIENCE,
    report::Report,
    run::Run,
    system::{LEASE, Setup},
};

/// A worker is asked to stop while it runs as many jobs as it can.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lab chaos stop\n  lab chaos stop --jobs 16")]
pub(crate) struct StopArgs {
    /// Jobs in flight at the stop, one a slot; half as many wait in line
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=64))]
    jobs: u32,
}

pub(super) async fn run(args: StopArgs) -> anyhow::Result<ExitCode> {
    // No limit: in-flight calls alone matter here, and all of them are there at once.
    let (window, latency) = (Duration::from_secs(1), Duration::ZERO);
    let setup = Setup { fsync: None, calls: 0, window, latency, slots: args.jobs, lease: LEASE };
    let mut run = Run::begin(setup, 0, 1).await?;
    let done = args.torment(&mut run).await;
    ended(run, done)
}

impl StopArgs {
    async fn torment(&self, run: &mut Run) -> anyhow::Result<Report> {
        let (queue, jobs, before) = (queue(run.system.pool())?, u64::from(self.jobs), run.accepted.count() as u64);
        run.system.upstream.hold();
        enqueue(&queue, 0..jobs + jobs.div_ceil(2), &run.accepted).await?;
        timeout(PATIENCE, run.system.upstream.wait_for_calls(before + jobs)).await?;
        let mut stopped = run.system.fleet.members.remove(0);
        stopped.process.terminate();
        run.system.upstream.release();
        let status = timeout(PATIENCE, stopped.process.ended()).await??;
        let called = run.system.upstream.arrivals().len() as u64 - before;

        let mut report = Report::default();
        report.check(status.success(), format_args!("the worker that was asked to stop ended with {status} (0)"));
        report.check(
            called == jobs,
            format_args!("calls in flight at the stop {jobs}, made by its end {called} (as many)"),
        );
        // What waited in line is for another one.
        run.system.fleet.start_worker()?;
        let all_ended = run.until_all_ended(PATIENCE).await?;
        report.check(all_ended, format_args!("all jobs ended within {} s", PATIENCE.as_secs()));
        let ends = run.books().check(&mut report).await?;
        let (asked, done) = (run.accepted.count(), ends.completed);
        report.check(done == asked, format_args!("completed {done} of {asked}"));
        let (again, calls) = (ends.further_attempts, run.system.upstream.arrivals().len());
        report.check(
            again == 0 && calls == asked,
            format_args!("run again {again} (0), calls {calls} (as many as jobs: {asked})"),
        );
        Ok(report)
    }
}
