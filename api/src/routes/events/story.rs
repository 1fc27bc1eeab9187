//! What of a job is news to a client.

use shared::job::{JobState, JobView};

use super::job_event::JobEvent;

/// What a client was told already. Looks at a job may come late, early or twice: each event is told once.
#[derive(Debug, Default)]
pub(super) struct Story {
    connected: bool,
    attempt: Option<u32>,
    progress: u8,
    pub(super) ended: bool,
}

impl Story {
    /// The events that a look at the job brings, in order.
    pub(super) fn look(&mut self, job: &JobView) -> Vec<JobEvent> {
        let mut events = Vec::new();
        if self.ended {
            return events;
        }
        if !self.connected {
            self.connected = true;
            events.push(JobEvent::connected(job));
        }
        if job.state == JobState::Active && self.attempt != Some(job.attempts) {
            self.attempt = Some(job.attempts);
            events.push(JobEvent::active(job));
        }
        if !job.state.is_final() && job.progress > self.progress {
            self.progress = job.progress;
            events.push(JobEvent::progress(job));
        }
        let end = JobEvent::ended(job);
        self.ended = end.is_some();
        events.extend(end);
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::job;

    fn told(looks: &[JobView]) -> Vec<&'static str> {
        let mut story = Story::default();
        looks.iter().flat_map(|job| story.look(job)).map(|event| event.name).collect()
    }

    fn at(state: JobState, attempts: u32, progress: u8) -> JobView {
        JobView { attempts, progress, finished_at_ms: Some(2_000), ..job(state) }
    }

    #[test]
    fn each_event_is_told_once() {
        let looks = [
            at(JobState::Waiting, 0, 0),
            at(JobState::Waiting, 0, 0),
            at(JobState::Active, 1, 0),
            at(JobState::Active, 1, 0),
            at(JobState::Active, 1, 50),
            at(JobState::Scheduled, 1, 50),
            at(JobState::Active, 2, 50),
            at(JobState::Completed, 2, 100),
            at(JobState::Completed, 2, 100),
        ];
        assert_eq!(told(&looks), ["connected", "active", "progress", "active", "completed"]);
    }

    #[test]
    fn a_job_that_has_ended_is_connected_and_its_end() {
        assert_eq!(told(&[at(JobState::Completed, 1, 100)]), ["connected", "completed"]);
        assert_eq!(told(&[at(JobState::Cancelled, 0, 40)]), ["connected", "failed"]);
    }
}
