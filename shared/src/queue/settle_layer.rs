//! The backend's layer: runs an attempt and settles it. It wraps the worker's own layers, so it sees their time-outs too.

use std::{
    error::Error,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use apalis_core::{error::BoxDynError, task::Task};
use rand::Rng;
use serde_json::value::RawValue;
use tokio::task::JoinError;
use tokio_util::{
    sync::CancellationToken,
    task::{AbortOnDropHandle, TaskTracker},
};
use tower_layer::Layer;
use tower_service::Service;

use super::{
    JobContext, Lease, WorkerStats,
    leave::leave,
    outcome::{Outcome, Unfinished},
    settle::{Retention, Settled, settle},
};
use crate::job::{Decision, JobError, RetryPolicy};

/// Pauses between attempts to settle while Redis is away.
const PAUSE_FIRST: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// What settling needs to know.
#[derive(Debug)]
pub(super) struct Settler {
    pub(super) retention: Retention,
    pub(super) policy: RetryPolicy,
    pub(super) stats: Arc<WorkerStats>,
    /// Where attempts run, so that a panic ends one attempt and not the worker.
    pub(super) tasks: TaskTracker,
    /// Ends what still runs: its jobs are given back.
    pub(super) leave: CancellationToken,
}

/// Settles what the service below it makes of a job.
#[derive(Debug, Clone)]
pub struct SettleLayer(pub(super) Arc<Settler>);

impl<S> Layer<S> for SettleLayer {
    type Service = SettleService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        SettleService { inner, settler: Arc::clone(&self.0) }
    }
}

/// What the task of an attempt came to.
type Ended = Result<Result<Box<RawValue>, BoxDynError>, JoinError>;

/// See [`SettleLayer`].
#[derive(Debug)]
pub struct SettleService<S> {
    inner: S,
    settler: Arc<Settler>,
}

impl<S> Service<Task<Lease>> for SettleService<S>
where
    S: Service<Task<Lease>, Response = Box<RawValue>>,
    S::Error: Into<BoxDynError> + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = ();
    type Error = BoxDynError;
    type Future = Pin<Box<dyn Future<Output = Result<(), BoxDynError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, mut task: Task<Lease>) -> Self::Future {
        let settler = Arc::clone(&self.settler);
        let Some(hold) = task.args.hold.take() else {
            return Box::pin(async { Err("a lease was called twice".into()) });
        };
        let (job, lane) = (task.args.context.clone(), task.args.lane.clone());
        let attempt = self.inner.call(task);
        Box::pin(async move {
            settler.stats.started();
            // Aborted on drop: should this future go (the worker itself is dropped), its attempt goes with it.
            let spawned = settler.tasks.spawn(async move { attempt.await.map_err(Into::into) });
            let mut run = AbortOnDropHandle::new(spawned);
            let outcome = tokio::select! {
                ended = &mut run => Some(settler.outcome_of(&job, ended)),
                () = hold.ended().cancelled() => None,
                () = settler.leave.cancelled() => Some(Outcome::Unfinished(Unfinished::returned())),
            };
            drop(run);
            let settled = if let Some(outcome) = outcome {
                settler.settle_surely(&job, &outcome).await
            } else {
                tracing::info!(job.id = %job.id, job.attempt = job.attempt, "The job was ended elsewhere, and the attempt with it");
                false
            };
            if let (false, Some(upstream)) = (settled, &job.upstream)
                && let Err(error) = leave(&job, &lane, upstream).await
            {
                tracing::warn!(job.id = %job.id, error = &error as &dyn Error, "A slot could not be freed: it lapses with the lease");
            }
            settler.stats.stopped();
            drop(hold);
            Ok(())
        })
    }
}

impl Settler {
    fn outcome_of(&self, job: &JobContext, ended: Ended) -> Outcome {
        let error = match result_of(ended) {
            Ok(result) => return Outcome::Complete(result),
            Err(error) => error,
        };
        let (id, attempt, code, chain) = (job.id, job.attempt, error.code(), error.chain());
        if matches!(error.decision(), Decision::Snooze(_)) {
            tracing::info!(job.id = %id, job.attempt = attempt, error.code = code, error = chain, "A job was put off");
        } else {
            let max_attempts = job.max_attempts;
            tracing::warn!(job.id = %id, job.attempt = attempt, job.max_attempts = max_attempts, error.code = code, error = chain, "An attempt failed");
        }
        Outcome::of_error(&error, self.policy, job.attempt)
    }

    /// Settles until Redis has answered, or the process must leave. The lease is renewed meanwhile; should it lapse all the
    /// same, the fence keeps a late settle from doing harm.
    /// Whether the job was still this worker's to settle.
    async fn settle_surely(&self, job: &JobContext, outcome: &Outcome) -> bool {
        let (mut pause, mut told) = (PAUSE_FIRST, false);
        loop {
            match settle(job, outcome, self.retention).await {
                Ok(Settled::Done) => {
                    self.stats.ended(outcome.kind());
                    return true;
                }
                Ok(Settled::Late) => {
                    tracing::info!(job.id = %job.id, job.attempt = job.attempt, "The lease had lapsed, but the result was still wanted");
                    self.stats.ended(outcome.kind());
                    // The slot, if there is one, is that of the worker that has the job now.
                    return true;
                }
                Ok(Settled::Stale) => {
                    tracing::warn!(job.id = %job.id, job.attempt = job.attempt, "A settle came too late and changed nothing");
                    return false;
                }
                Err(error) if !told => {
                    told = true;
                    tracing::warn!(job.id = %job.id, error = &error as &dyn Error, "A settle was not answered: trying until it is");
                }
                Err(_) => {}
            }
            let jittered = pause.mul_f64(rand::rng().random_range(0.5..1.0));
            if self.leave.run_until_cancelled(tokio::time::sleep(jittered)).await.is_none() {
                return true;
            }
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }
}

fn result_of(ended: Ended) -> Result<Box<RawValue>, JobError> {
    let error: BoxDynError = match ended {
        Ok(Ok(result)) => return Ok(result),
        Ok(Err(error)) => error,
        // The error of the task quotes the panic's message, which may quote the learner's text: it ends here. Where the
        // panic happened has been logged by the process's panic hook.
        Err(panic) if panic.is_panic() => {
            return Err(JobError::retry("handler_panicked", "The attempt ended in a panic"));
        }
        Err(aborted) => aborted.into(),
    };
    Err(match error.downcast::<JobError>() {
        Ok(error) => *error,
        Err(other) => {
            JobError::retry("attempt_failed", "The attempt was ended by a layer of the worker").with_source(other)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_message_of_a_panic_is_not_in_the_error() {
        let attempt = TaskTracker::new().spawn(async { panic!("a learner's text") });
        let ended = attempt.await;
        assert!(ended.as_ref().unwrap_err().to_string().contains("learner"), "the task's error is what must be hidden");
        let error = result_of(ended).unwrap_err();
        assert_eq!(error.code(), "handler_panicked");
        assert!(error.source().is_none() && !format!("{error} {error:?}").contains("learner"), "{error:?}");
    }
}
