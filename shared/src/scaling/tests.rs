//! Figures in, advice out.

use std::time::Duration;

use super::*;

const MINUTE: Duration = Duration::from_mins(1);

/// A worker with 20 slots, whose calls take 10 s, 60 of which may be made in a minute.
fn figures() -> WorkerFigures {
    WorkerFigures {
        service: Service::FlashcardWorker,
        live: 1,
        slots: 20,
        waiting: 0,
        active: 0,
        oldest: Duration::ZERO,
        call_time: Some(Duration::from_secs(10)),
        window: Window { length: MINUTE, rpm: Some(60), ..Window::default() },
        held: None,
        cpu: None,
    }
}

fn advised(figures: &WorkerFigures) -> (u32, Reason, Option<&'static str>) {
    let advice = workers(figures, &Bounds::default());
    assert!(!advice.text.is_empty() && advice.live == Some(figures.live), "{advice:?}");
    (advice.replicas, advice.reason, advice.limit)
}

#[test]
fn nothing_to_do_needs_the_fewest() {
    assert_eq!(advised(&figures()), (1, Reason::Idle, None));
    let bounds = Bounds { min: 3, ..Bounds::default() };
    assert_eq!(workers(&figures(), &bounds).replicas, 3);
}

#[test]
fn a_backlog_needs_what_the_window_can_feed_and_no_more() {
    // One call a second of 10 s each: 10 slots are busy, and a tenth more between calls.
    let backlog = WorkerFigures { waiting: 1_000, oldest: MINUTE, ..figures() };
    assert_eq!(advised(&backlog), (1, Reason::Limit, Some("rpm")));
    for (rpm, replicas) in [(60, 1), (109, 1), (110, 2), (600, 6), (6_000, 50)] {
        let window = Window { rpm: Some(rpm), ..backlog.window };
        assert_eq!(advised(&WorkerFigures { window, ..backlog.clone() }).0, replicas, "{rpm}");
    }
    let text = workers(&backlog, &Bounds::default()).text;
    assert!(text.contains("more workers do not help") && text.contains("unilingo limits set --rpm N"), "{text}");
}

#[test]
fn the_limit_to_raise_is_the_one_that_feeds_least() {
    let all = Window {
        rpm: Some(6_000),
        rps: Some(100),
        tpm: Some(1_200_000),
        concurrency: Some(1_000),
        requests: 10,
        tokens: 10_000,
        ..figures().window
    };
    let backlog = WorkerFigures { waiting: 100_000, oldest: MINUTE, ..figures() };
    for (window, limit, replicas) in [
        // 1,200 calls of 1,000 tokens a minute: 20 a second, 200 slots.
        (all, "tpm", 11),
        (Window { rps: Some(2), ..all }, "rps", 2),
        (Window { concurrency: Some(40), ..all }, "concurrency", 2),
        (Window { rpm: Some(300), ..all }, "rpm", 3),
        // How many tokens a call needs is not known yet.
        (Window { requests: 0, tokens: 0, ..all }, "concurrency", 50),
    ] {
        assert_eq!(advised(&WorkerFigures { window, ..backlog.clone() }), (replicas, Reason::Limit, Some(limit)));
    }
}

#[test]
fn where_a_limit_is_used_up_no_worker_is_added_however_long_a_call_takes() {
    let window = Window { rpm: Some(600), tpm: Some(100_000), concurrency: Some(200), ..figures().window };
    let backlog = WorkerFigures { waiting: 1_000, oldest: MINUTE, live: 3, window, ..figures() };
    assert_eq!(advised(&backlog), (6, Reason::Limit, Some("rpm")));
    for (window, expected) in [
        (Window { requests: 569, ..window }, (6, "rpm")),
        (Window { requests: 570, ..window }, (3, "rpm")),
        (Window { requests: 500, tokens: 100_000, ..window }, (3, "tpm")),
        (Window { in_flight: 200, ..window }, (3, "concurrency")),
    ] {
        let backlog = WorkerFigures { window, ..backlog.clone() };
        assert_eq!(advised(&backlog), (expected.0, Reason::Limit, Some(expected.1)), "{window:?}");
        // Somebody has to be there who uses it.
        assert!(advised(&WorkerFigures { live: 0, ..backlog }).0 > 3);
    }
}

#[test]
fn a_short_line_is_not_worth_a_worker() {
    let free = Window { length: MINUTE, ..Window::default() };
    for (waiting, active, oldest, replicas) in [
        // 10 calls of 10 s, each within 10 s: 10 slots.
        (10, 0, 0, 1),
        (10, 20, 0, 2),
        (100, 20, 0, 6),
        (100, 20, 20, 6),
        (0, 20, 0, 1),
        (0, 21, 0, 2),
    ] {
        let line = WorkerFigures { waiting, active, oldest: Duration::from_secs(oldest), window: free, ..figures() };
        assert_eq!(advised(&line), (replicas, Reason::Wait, None), "{line:?}");
    }
    // Calls of half a second: a second is enough for all of them, unless they have waited for too long already.
    let short = WorkerFigures { waiting: 200, call_time: Some(Duration::from_millis(500)), window: free, ..figures() };
    assert_eq!(advised(&short).0, 1);
    assert_eq!(advised(&WorkerFigures { oldest: Duration::from_secs(10), ..short }).0, 10);
}

#[test]
fn where_something_holds_all_jobs_nothing_changes() {
    for held in [Held::Paused, Held::Killed, Held::Breaker, Held::Upstream] {
        let line = WorkerFigures { waiting: 1_000, oldest: MINUTE, live: 4, held: Some(held), ..figures() };
        assert_eq!(advised(&line), (4, Reason::Held, None), "{held:?}");
    }
}

#[test]
fn before_the_first_call_has_ended_nothing_is_known() {
    let line = WorkerFigures { waiting: 1_000, call_time: None, live: 2, ..figures() };
    assert_eq!(advised(&line), (2, Reason::Unmeasured, None));
    assert_eq!(advised(&WorkerFigures { live: 0, ..line }).0, 1, "somebody must begin");
    assert_eq!(advised(&WorkerFigures { call_time: None, ..figures() }).0, 1);
}

#[test]
fn busy_processors_need_more_workers_than_slots_do() {
    let busy = WorkerFigures { waiting: 5, active: 5, live: 2, cpu: Some(0.9), ..figures() };
    assert_eq!(advised(&busy), (3, Reason::Cpu, None));
    assert_eq!(advised(&WorkerFigures { cpu: Some(0.79), ..busy }), (1, Reason::Wait, None));
}

#[test]
fn the_bounds_hold() {
    let backlog = WorkerFigures { waiting: 1_000, oldest: MINUTE, ..figures() };
    let window = Window { rpm: Some(6_000), ..backlog.window };
    let bounds = Bounds { min: 2, max: 10, ..Bounds::default() };
    assert_eq!(workers(&WorkerFigures { window, ..backlog.clone() }, &bounds).replicas, 10);
    assert_eq!(workers(&backlog, &bounds).replicas, 2);
}

#[test]
fn an_api_needs_the_cores_that_it_uses() {
    let idle = ApiFigures { cores_each: 2, ..ApiFigures::default() };
    let of = |figures: ApiFigures| {
        let advice = api(&figures, &Bounds::default());
        (advice.replicas, advice.reason)
    };
    assert_eq!(of(idle), (1, Reason::Idle));
    for (cores_used, replicas) in [(0.1, 1), (1.3, 1), (1.4, 2), (13.0, 10)] {
        assert_eq!(of(ApiFigures { requests: 9, cores_used, ..idle }), (replicas, Reason::Cpu), "{cores_used}");
    }
    let advice = api(&ApiFigures { requests: 9, cores_used: 3.0, ..idle }, &Bounds::default());
    assert_eq!(advice.railway("eu-west"), "railway scale --service api eu-west=3");
}

#[test]
fn up_at_once_and_down_after_a_while() {
    let mut hysteresis = Hysteresis::new(Duration::from_secs(10));
    let mut current = 1;
    for (at, wanted, expected) in [
        (0, 1, 1),
        (1, 4, 4),
        (2, 2, 4),
        (8, 3, 4),
        // A peak ends the wait.
        (9, 5, 5),
        (10, 2, 5),
        (15, 3, 5),
        (19, 1, 5),
        // The most that was needed in that time.
        (20, 1, 3),
        (21, 1, 3),
        (31, 1, 1),
    ] {
        current = hysteresis.decide(Duration::from_secs(at), current, wanted).unwrap_or(current);
        assert_eq!(current, expected, "at {at}");
    }
}
