//! How many api processes are needed: they only compute.

use super::{Advice, Bounds, Reason, Service, workers::replicas_for};

/// The part of its cores that an api process should use: the rest is for peaks.
const CPU_GOOD: f64 = 0.65;

/// What the api processes did within the last minute.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ApiFigures {
    /// Requests that they answered.
    pub requests: u64,
    /// Cores that they used, all together.
    pub cores_used: f64,
    /// Cores that one of them may use.
    pub cores_each: u32,
}

/// How many api processes are needed.
#[must_use]
pub fn api(figures: &ApiFigures, bounds: &Bounds) -> Advice {
    let each = f64::from(figures.cores_each.max(1));
    let needed = replicas_for(figures.cores_used / (each * CPU_GOOD)).max(1);
    let ApiFigures { requests, cores_used, .. } = figures;
    Advice {
        service: Service::Api,
        replicas: bounds.within(needed),
        live: None,
        reason: if *requests == 0 { Reason::Idle } else { Reason::Cpu },
        limit: None,
        text: format!("{requests} requests in the last minute took {cores_used:.2} cores; a process may use {each}"),
    }
}
