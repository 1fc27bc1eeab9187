//! One service that is scaled: where it stands, and what was done last.

use std::time::Duration;

use shared::{
    fleet::Look,
    scaling::{Advice, Bounds, Hysteresis, Service, advise, figures_of, workers},
};

/// A service, and what was done to it.
#[derive(Debug)]
pub(super) struct Followed {
    pub(super) service: Service,
    hysteresis: Hysteresis,
    /// How long processes have to appear, or to go.
    settle: Duration,
    /// To how many replicas it was brought last, and when.
    applied: Option<(u32, Duration)>,
}

/// What a round has decided.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// What is advised, of where it stands.
    pub(super) advice: Advice,
    /// How many there are, as far as is known.
    pub(super) current: Option<u32>,
    /// To how many to go, if it has to move.
    pub(super) go_to: Option<u32>,
}

impl Followed {
    pub(super) const fn new(service: Service, stable: Duration, settle: Duration) -> Self {
        Self { service, hysteresis: Hysteresis::new(stable), settle, applied: None }
    }

    /// Decides at the time `now`; nothing is done yet.
    pub(super) fn decide(&mut self, now: Duration, look: &Look, bounds: &Bounds) -> Option<Step> {
        let service = look.services.iter().find(|service| Service::of(service.queue) == self.service);
        let live = service.and_then(|service| u32::try_from(service.workers.len()).ok());
        let current = self.current(now, live);
        let advice = match service {
            Some(service) => {
                let live = current.unwrap_or_default();
                workers(&shared::scaling::WorkerFigures { live, ..figures_of(look, service) }, bounds)
            }
            None => advise(look, bounds).into_iter().find(|advice| advice.service == self.service)?,
        };
        let go_to = match current {
            Some(current) => self.hysteresis.decide(now, current, advice.replicas),
            // Nobody says how many there are.
            None => Some(advice.replicas),
        };
        Some(Step { advice, current, go_to })
    }

    /// It was brought to so many replicas.
    pub(super) const fn went(&mut self, now: Duration, replicas: u32) {
        self.applied = Some((replicas, now));
    }

    /// What was asked for last counts until processes had time to follow; then what lives does, whoever changed it.
    fn current(&self, now: Duration, live: Option<u32>) -> Option<u32> {
        match self.applied {
            Some((replicas, at)) if now.saturating_sub(at) < self.settle || live.is_none() => Some(replicas),
            _ => live,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_counts_until_it_has_had_time_to_come() {
        let mut service = Followed::new(Service::FlashcardWorker, Duration::ZERO, Duration::from_mins(1));
        let at = Duration::from_secs;
        assert_eq!(service.current(at(0), Some(1)), Some(1));
        service.went(at(10), 4);
        assert_eq!(service.current(at(69), Some(1)), Some(4));
        assert_eq!(service.current(at(70), Some(1)), Some(1), "nobody came: it has to be asked for again");
    }

    #[test]
    fn of_a_service_that_does_not_announce_itself_only_what_was_asked_for_is_known() {
        let mut api = Followed::new(Service::Api, Duration::ZERO, Duration::from_mins(1));
        assert_eq!(api.current(Duration::ZERO, None), None);
        api.went(Duration::ZERO, 2);
        assert_eq!(api.current(Duration::from_hours(1), None), Some(2));
    }
}
