//! What the upstream's log says: who called how often, in vain or not, and how full the fullest window was.

use std::{collections::HashMap, time::Duration};

use shared::testing::simulator::{Arrival, fullest_window};

use super::attempt::{Attempt, Interruptions};

/// What may lie between a call's answer and the record of it, in ms: a lease and some time beside it.
const SETTLE_MS: f64 = 3_000.0;

/// The calls, summed up.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) calls: usize,
    pub(super) jobs: usize,
    /// Calls that met an injected fault.
    pub(super) faulted: usize,
    /// Calls beyond the limit, which the upstream refused.
    pub(super) refused: usize,
    /// Calls of attempts whose worker was killed, or stopped past its lease.
    pub(super) interrupted: usize,
    /// Good calls beyond one a job: work that was paid for twice.
    pub(super) again: usize,
    /// Of these, those that no kill, stop or outage explains.
    pub(super) unexplained: Vec<String>,
    /// Calls that were let go before their process was stopped and came after it went on.
    pub(super) exempt: usize,
    /// Most calls in any window, without the exempt ones.
    pub(super) worst_window: u64,
}

/// Sums up the upstream's log, in which every job needs one good call.
pub(super) fn account(log: &[Arrival], interruptions: &Interruptions, window: Duration) -> Account {
    let mut by_job: HashMap<&str, Vec<&Arrival>> = HashMap::new();
    for call in log {
        by_job.entry(&call.job).or_default().push(call);
    }
    let exempt = |call: &Arrival| interruptions.is_exempt(&call.request_id, call.t_ms);
    let cut_short =
        |call: &Arrival| Attempt::of_call(&call.request_id).is_some_and(|attempt| interruptions.cut_short(&attempt));
    let mut account = Account {
        calls: log.len(),
        jobs: by_job.len(),
        faulted: log.iter().filter(|call| call.fault.is_some()).count(),
        refused: log.iter().filter(|call| call.status == 429 && call.fault.is_none()).count(),
        interrupted: log.iter().filter(|call| cut_short(call)).count(),
        exempt: log.iter().filter(|call| exempt(call)).count(),
        worst_window: worst_window(log.iter().filter(|call| !exempt(call)), window),
        ..Account::default()
    };
    for calls in by_job.values() {
        // The last good one is the one that was needed.
        let good: Vec<&&Arrival> = calls.iter().filter(|call| is_good(call)).collect();
        for call in &good[..good.len().saturating_sub(1)] {
            account.again += 1;
            if !cut_short(call) && !interruptions.was_away(call.t_ms, call.t_ms + SETTLE_MS) {
                account.unexplained.push(call.request_id.clone());
            }
        }
    }
    account
}

/// A call that was answered well, or whose answer nobody was there to take.
fn is_good(call: &Arrival) -> bool {
    call.fault.is_none() && (call.status == 200 || call.status == 0)
}

fn worst_window<'a>(calls: impl Iterator<Item = &'a Arrival> + Clone, window: Duration) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "microseconds since 1970 fit into 53 bits until the year 2255"
    )]
    let us = |t_ms: f64| (t_ms * 1_000.0).round() as u64;
    fullest_window(calls.map(|call| (us(call.t_ms), 1)), u64::try_from(window.as_micros()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use shared::testing::simulator::Fault;

    use super::{super::attempt::Held, *};

    fn call(request_id: &str, t_ms: f64, status: u16, fault: Option<Fault>) -> Arrival {
        let job = request_id.split('.').next().unwrap().to_owned();
        let request_id = request_id.to_owned();
        Arrival { index: 0, t_ms, request_id, job, reserved_tokens: 0, used_tokens: 0, status, fault }
    }

    fn held(job: &str, number: u32, let_go: &[&str]) -> Vec<Held> {
        let let_go = let_go.iter().map(|&call| call.to_owned()).collect();
        vec![Held { attempt: Attempt { job: job.to_owned(), number }, let_go }]
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_second_good_call_needs_an_explanation() {
        let log = [
            call("a.1.1", 0.0, 200, None),
            call("b.1.1", 1.0, 500, Some(Fault::ServerError)),
            call("b.2.1", 2.0, 200, None),
            call("c.1.1", 3.0, 0, None),
            call("c.2.1", 9_000.0, 200, None),
        ];
        let mut interruptions = Interruptions::default();
        let sum = account(&log, &interruptions, SECOND);
        assert_eq!((sum.calls, sum.jobs, sum.faulted, sum.again), (5, 3, 1, 1));
        assert_eq!(sum.unexplained, ["c.1.1"]);
        interruptions.outage(5_000.0, 6_000.0);
        assert_eq!(account(&log, &interruptions, SECOND).unexplained, ["c.1.1"], "another time");
        interruptions.killed(held("c", 2, &[]));
        assert_eq!(account(&log, &interruptions, SECOND).unexplained, ["c.1.1"], "another attempt");
        interruptions.killed(held("c", 1, &[]));
        let sum = account(&log, &interruptions, SECOND);
        assert_eq!((sum.unexplained.len(), sum.again, sum.interrupted), (0, 1, 2));
    }

    #[test]
    fn an_outage_explains_what_was_called_within_a_lease_of_it() {
        let log = [call("a.1.1", 0.0, 200, None), call("a.2.1", 9_000.0, 200, None)];
        let mut interruptions = Interruptions::default();
        interruptions.outage(2_000.0, 6_000.0);
        assert_eq!(account(&log, &interruptions, SECOND).unexplained.len(), 0);
    }

    #[test]
    fn a_call_that_a_stop_held_up_does_not_count_in_the_window() {
        let log = [call("a.1.1", 0.0, 200, None), call("b.1.1", 500.0, 200, None), call("c.1.1", 900.0, 200, None)];
        let mut interruptions = Interruptions::default();
        assert_eq!(account(&log, &interruptions, SECOND).worst_window, 3);
        interruptions.stopped(held("b", 1, &["b.1.1"]), 501.0);
        assert_eq!(account(&log, &interruptions, SECOND).exempt, 0, "it came before the stop");
        interruptions.stopped(held("b", 1, &["b.1.1"]), 400.0);
        let sum = account(&log, &interruptions, SECOND);
        assert_eq!((sum.exempt, sum.worst_window), (1, 2));
    }
}
