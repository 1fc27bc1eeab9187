//! Advice for the whole fleet, of a look at it.

use super::{Advice, ApiFigures, Bounds, Held, Service, Window, WorkerFigures, api, workers};
use crate::{
    breaker::BreakerState,
    fleet::{Look, ServiceLook},
};

/// `WORKER_CONCURRENCY`, where no worker lives to say it.
const SLOTS: u32 = 20;

/// Advice for every service.
#[must_use]
pub fn advise(look: &Look, bounds: &Bounds) -> [Advice; 3] {
    let [ai, audio] = &look.services;
    let of = |service: &ServiceLook| workers(&figures_of(look, service), bounds);
    [api(&api_figures(look), bounds), of(ai), of(audio)]
}

/// What the number of api processes is decided by.
fn api_figures(look: &Look) -> ApiFigures {
    let figures = &look.figures;
    ApiFigures {
        requests: figures.requests_per_minute(),
        cores_used: figures.api_cores_used(),
        cores_each: u32::try_from(figures.api_cores()).unwrap_or(1),
    }
}

/// What the number of a service's workers is decided by.
#[must_use]
pub fn figures_of(look: &Look, service: &ServiceLook) -> WorkerFigures {
    let live = u32::try_from(service.workers.len()).unwrap_or(u32::MAX);
    let slots = service.workers.iter().map(|worker| worker.slots).min().unwrap_or(SLOTS);
    let limits = &service.limits;
    let narrowed = |limit: u64, by: &[Option<u64>]| by.iter().flatten().fold(limit, |limit, other| limit.min(*other));
    let rpm = service.limit("rpm").map(|rpm| narrowed(rpm, &[limits.learned_rpm, limits.header_rpm]));
    let window_ms = service.limit("window_ms").unwrap_or(60_000) + service.limit("guard_ms").unwrap_or_default();
    let window = Window {
        length: std::time::Duration::from_millis(window_ms),
        rpm,
        rps: service.limit("rps"),
        tpm: service.limit("tpm").map(|tpm| narrowed(tpm, &[limits.header_tpm])),
        concurrency: service.limit("concurrency"),
        requests: service.usage.requests,
        tokens: service.usage.tokens,
        in_flight: service.limits.in_flight,
    };
    WorkerFigures {
        service: Service::of(service.queue),
        live,
        slots,
        waiting: service.line.waiting(),
        active: service.line.active,
        oldest: service.line.oldest(),
        call_time: service.call_time,
        window,
        held: held(look, service),
        cpu: cpu(service),
    }
}

fn held(look: &Look, service: &ServiceLook) -> Option<Held> {
    if service.line.paused {
        Some(Held::Paused)
    } else if look.budget.kill_switch.is_some() {
        Some(Held::Killed)
    } else if service.breaker.state != BreakerState::Closed {
        Some(Held::Breaker)
    } else {
        service.is_paused_by_upstream().then_some(Held::Upstream)
    }
}

/// The mean of the workers that say it.
fn cpu(service: &ServiceLook) -> Option<f64> {
    let said: Vec<f64> = service.workers.iter().filter_map(|worker| Some(f64::from(worker.cpu?) / 100.0)).collect();
    let count = u32::try_from(said.len()).ok().filter(|count| *count > 0)?;
    Some(said.iter().sum::<f64>() / f64::from(count))
}
