//! The fleet on the page of metrics.

use super::{Look, ServiceLook};
use crate::{
    breaker::BreakerState,
    budget::Limit,
    job::{Priority, QueueName},
    limiter::WithheldReason,
    queue::DEAD_MAX as DEAD_LETTERS_MAX,
    telemetry::{
        Counters, Gauges, Page,
        metrics::{
            BREAKER, CALL_MEAN, CALLS, DEAD_MAX, FLEET_SLOTS, KILLED, LIMIT_DOLLARS, LIMITS_DIFFER, MISCONFIGURED,
            MODEL_SHUTDOWN, PERMITS_WITHHELD, QUEUE_ENDED, QUEUE_JOBS, QUEUE_OLDEST, QUEUE_PAUSED, QUEUE_WAITING,
            SPENT_DOLLARS, SPENT_TOKENS, SUSPECTS, UPSTREAM_PAUSED, WINDOW_LIMIT, WINDOW_USED, WORKERS, WORKERS_LOST,
        },
    },
};

/// Limits that have a use.
const LIMITS: [&str; 4] = ["rpm", "rps", "tpm", "concurrency"];
const MICROS_PER_DOLLAR: f64 = 1_000_000.0;

/// A figure for people.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
const fn float(number: u64) -> f64 {
    number as f64
}

fn flag(on: bool) -> f64 {
    f64::from(u8::from(on))
}

impl Look {
    /// Shows the fleet.
    pub fn show(&self, page: &mut Page) {
        self.show_queues(page);
        self.show_workers(page);
        self.show_limits(page);
        self.show_calls(page);
        let monthly = self.budget.limits.iter().find(|limit| limit.limit == Limit::FleetMicrosPerMonth);
        page.gauge(&SPENT_TOKENS, float(self.budget.fleet.tokens));
        page.gauge(&SPENT_DOLLARS, float(self.budget.fleet.micros) / MICROS_PER_DOLLAR);
        page.gauge(&LIMIT_DOLLARS, float(monthly.map_or(0, |limit| limit.value)) / MICROS_PER_DOLLAR);
        page.gauge(&KILLED, flag(self.budget.kill_switch.is_some()));
    }

    fn show_queues(&self, page: &mut Page) {
        let (jobs, waiting, oldest) =
            (Gauges::new(&QUEUE_JOBS), Gauges::new(&QUEUE_WAITING), Gauges::new(&QUEUE_OLDEST));
        let (ended, paused) = (Gauges::new(&QUEUE_ENDED), Gauges::new(&QUEUE_PAUSED));
        let (suspects, lost) = (Gauges::new(&SUSPECTS), Gauges::new(&WORKERS_LOST));
        for ServiceLook { queue, line, .. } in &self.services {
            let queue = queue.as_str();
            let by_state = [
                // Those that wait for the same work of another job included.
                ("waiting", line.unfinished.saturating_sub(line.active + line.delayed)),
                ("active", line.active),
                ("delayed", line.delayed),
                ("dead", line.dead),
            ];
            for (state, number) in by_state {
                jobs.set([queue.into(), state.into()], float(number));
            }
            for (class, figures) in Priority::ALL.iter().zip(line.classes) {
                waiting.set([queue.into(), class.as_str().into()], float(figures.waiting));
                oldest.set([queue.into(), class.as_str().into()], figures.oldest.as_secs_f64());
            }
            ended.set([queue.into()], float(line.ended_last_minute));
            paused.set([queue.into()], flag(line.paused));
            suspects.set([queue.into()], float(line.suspects));
            lost.set([queue.into()], float(line.workers_lost));
        }
        for gauges in [&jobs, &waiting, &oldest] {
            gauges.show(page);
        }
        for gauges in [&ended, &paused, &suspects, &lost] {
            gauges.show(page);
        }
        page.gauge(&DEAD_MAX, float(DEAD_LETTERS_MAX));
    }

    fn show_workers(&self, page: &mut Page) {
        let (workers, slots) = (Gauges::new(&WORKERS), Gauges::new(&FLEET_SLOTS));
        for service in &self.services {
            let queue = service.queue.as_str();
            let (all, busy) = service.slots();
            workers.set([queue.into()], float(service.workers.len() as u64));
            slots.set([queue.into(), "busy".into()], float(busy));
            slots.set([queue.into(), "free".into()], float(all.saturating_sub(busy)));
        }
        workers.show(page);
        slots.show(page);
    }

    fn show_limits(&self, page: &mut Page) {
        let (limits, used) = (Gauges::new(&WINDOW_LIMIT), Gauges::new(&WINDOW_USED));
        let (differ, paused) = (Gauges::new(&LIMITS_DIFFER), Gauges::new(&UPSTREAM_PAUSED));
        let withheld = Gauges::new(&PERMITS_WITHHELD);
        for service in &self.services {
            let group = || service.group.as_str().to_owned().into();
            for name in LIMITS {
                if let Some(limit) = service.limits.in_force.get(name) {
                    limits.set([group(), name.into()], float(*limit));
                }
            }
            let in_window = [
                ("rpm", service.usage.requests),
                ("tpm", service.usage.tokens),
                ("concurrency", service.limits.in_flight),
            ];
            for (name, number) in in_window {
                used.set([group(), name.into()], float(number));
            }
            differ.set([group()], flag(service.limits.differ));
            paused.set([group()], flag(service.is_paused_by_upstream()));
            for reason in WithheldReason::ALL {
                let now = service.limits.withheld.filter(|now| now.reason == reason);
                withheld.set([group(), reason.as_str().into()], float(now.map_or(0, |now| now.until_ms / 1_000)));
            }
        }
        limits.show(page);
        used.show(page);
        differ.show(page);
        paused.show(page);
        withheld.show(page);
    }

    fn show_calls(&self, page: &mut Page) {
        let (breaker, calls, mean) = (Gauges::new(&BREAKER), Counters::new(&CALLS, []), Gauges::new(&CALL_MEAN));
        let states =
            [(BreakerState::Closed, "closed"), (BreakerState::Open, "open"), (BreakerState::HalfOpen, "half_open")];
        for service in &self.services {
            let provider = || service.group.provider().to_owned().into();
            for (state, name) in states {
                breaker.set([provider(), name.into()], flag(service.breaker.state == state));
            }
            let (made, errors) = self.figures.calls(service.group.provider());
            calls.add([provider(), "ok".into()], float(made.saturating_sub(errors)));
            calls.add([provider(), "error".into()], float(errors));
            if let Some(time) = service.call_time {
                mean.set([provider()], time.as_secs_f64());
            }
        }
        breaker.show(page);
        let shutdowns = Gauges::new(&MODEL_SHUTDOWN);
        for service in self.services.iter().filter(|service| service.queue == QueueName::Ai) {
            let at = service.model.and_then(|model| model.shutdown_s).unwrap_or(0);
            shutdowns.set([service.group.as_str().to_owned().into()], float(at));
            page.gauge(&MISCONFIGURED, flag(service.is_misconfigured()));
        }
        shutdowns.show(page);
        calls.show(page);
        mean.show(page);
    }
}
