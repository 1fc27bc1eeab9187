//! The books: what was promised, how it ended, what was called for it and what is left, held against each other.

use tokio::time::{Duration, Instant, sleep};

use super::{
    accepted::Accepted,
    attempt::Interruptions,
    calls::account,
    ends::Ends,
    leftovers::{Leftovers, expire_jobs},
    report::Report,
    system::{System, used_memory},
    witness::Witness,
};

/// Of a list of offenders, so many are named.
const SHOWN: usize = 5;
/// What Redis may need for its own administration beside what we put in: buffers, scripts, tables that have grown.
const SLACK_BYTES: u64 = 512 << 10;
/// What an ended job may still cost when its hash has gone: its place in an index until that is trimmed.
const INDEXED_BYTES: u64 = 200;

/// What a run has written down.
#[derive(Debug)]
pub(super) struct Books<'a> {
    pub(super) system: &'a System,
    pub(super) accepted: &'a Accepted,
    pub(super) witness: &'a Witness,
    pub(super) interruptions: &'a Interruptions,
    /// Bytes that Redis used before the first job.
    pub(super) memory_before: u64,
}

impl Books<'_> {
    /// Checks what holds after every kind of chaos, when everything has had the time to end.
    pub(super) async fn check(&self, report: &mut Report) -> anyhow::Result<Ends> {
        let answers = self.accepted.answers();
        let pool = self.system.pool();
        let ends = Ends::read(&pool, &self.system.keys, &answers.ids, self.witness).await?;
        let accepted = answers.ids.len();
        report.check(
            ends.lost.is_empty() && accepted > 0,
            format_args!(
                "jobs: accepted {accepted}, completed {}, dead letters {}, lost {} (0){}",
                ends.completed,
                ends.failed.len(),
                ends.lost.len(),
                named(&ends.lost)
            ),
        );
        let gaps = self.witness.gaps();
        report.check(
            ends.twice.is_empty() && (ends.unannounced == 0 || gaps > 0),
            format_args!(
                "ended twice {} (0){}; ends that nobody heard of {} (only while the subscription was lost, {gaps} times)",
                ends.twice.len(),
                named(&ends.twice),
                ends.unannounced
            ),
        );
        if answers.unclear + answers.unsent > 0 || ends.extra > 0 {
            report.check(
                ends.extra as u64 <= answers.unclear,
                format_args!(
                    "requests without a promise: {} that reached nobody, {} without a clear answer, of which jobs ended {} \
                     (at most as many)",
                    answers.unsent, answers.unclear, ends.extra
                ),
            );
        }
        let odd: Vec<String> = answers.odd.into_keys().collect();
        if !odd.is_empty() {
            report.check(false, format_args!("answers that should not come {} (0){}", odd.len(), named(&odd)));
        }
        self.check_calls(report);
        self.check_leftovers(report).await?;
        self.check_memory(report, accepted + ends.extra).await?;
        Ok(ends)
    }

    fn check_calls(&self, report: &mut Report) {
        let setup = &self.system.setup;
        let account = account(&self.system.upstream.arrivals(), self.interruptions, setup.window);
        report.check(
            account.unexplained.is_empty(),
            format_args!(
                "upstream: calls {} for {} jobs, faults {}, of attempts whose worker was lost {}; paid for again {}, \
                 without an interruption that explains it {} (0){}",
                account.calls,
                account.jobs,
                account.faulted,
                account.interrupted,
                account.again,
                account.unexplained.len(),
                named(&account.unexplained)
            ),
        );
        if setup.calls > 0 {
            report.check(
                account.worst_window <= setup.calls && account.refused <= account.exempt,
                format_args!(
                    "limit: most calls in any {} s {} (at most {}), refused beyond it {} (0), exempt {} (let go before \
                     their process was stopped)",
                    setup.window.as_secs_f64(),
                    account.worst_window,
                    setup.calls,
                    account.refused,
                    account.exempt
                ),
            );
        }
    }

    /// What is given back in a moment is waited for: the last settle and the last `end` of a call are two scripts.
    async fn check_leftovers(&self, report: &mut Report) -> anyhow::Result<()> {
        let until = Instant::now() + Duration::from_secs(5);
        let mut left = Leftovers::read(&self.system.pool(), &self.system.keys).await?;
        while !(left.unfinished.is_empty() && left.held == 0) && Instant::now() < until {
            sleep(Duration::from_millis(100)).await;
            left = Leftovers::read(&self.system.pool(), &self.system.keys).await?;
        }
        report.check(
            left.unfinished.is_empty() && left.held == 0,
            format_args!(
                "left over: leases, slots in flight, lines and deadlines {} (0){}; held by the budget {} (0)",
                left.unfinished.len(),
                named(&left.unfinished),
                left.held
            ),
        );
        report.check(
            left.staying.is_empty(),
            format_args!(
                "keys without a time to live that no document names {} (0){}",
                left.staying.len(),
                named(&left.staying)
            ),
        );
        Ok(())
    }

    /// Lets the time to live of the ended jobs pass at once, and looks at what is left then.
    async fn check_memory(&self, report: &mut Report, jobs: usize) -> anyhow::Result<()> {
        let (pool, before) = (self.system.pool(), self.memory_before);
        let full = used_memory(&pool).await?;
        expire_jobs(&pool, &self.system.keys).await?;
        let (after, most) = (used_memory(&pool).await?, before + SLACK_BYTES + INDEXED_BYTES * jobs as u64);
        report.check(
            after <= most,
            format_args!(
                "memory: {} kB before, {} kB with {jobs} ended jobs, {} kB when their time to live has passed (at most {} kB)",
                before / 1_024,
                full / 1_024,
                after / 1_024,
                most / 1_024
            ),
        );
        Ok(())
    }
}

/// The first of a list, behind a figure.
fn named(list: &[String]) -> String {
    if list.is_empty() {
        return String::new();
    }
    let more = if list.len() > SHOWN { ", …" } else { "" };
    format!(" [{}{more}]", list[..list.len().min(SHOWN)].join(", "))
}
