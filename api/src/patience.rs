//! How long a request waits: for Redis never long, for a job as long as its caller asked.

use std::{future::Future, time::Duration};

use shared::job::{JobId, JobView};
use tokio::time::timeout;

use crate::{error::ApiError, state::AppState};

/// A caller hears within two seconds that Redis is away; this leaves a little for the rest of the request.
const REDIS_PATIENCE: Duration = Duration::from_millis(1_800);

/// The longest wait that a caller may ask for.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// The longest that a request is held, whatever was asked for: proxies (nginx, load balancers) give up after 60 s.
pub(crate) const LONGEST_HOLD: Duration = Duration::from_secs(55);
const _: () = assert!(LONGEST_HOLD.as_millis() + REDIS_PATIENCE.as_millis() < 60_000, "proxies give up after 60 s");

/// The answer of Redis, or 503 when it does not come in time.
pub(crate) async fn redis<T, E>(call: impl Future<Output = Result<T, E>>) -> Result<T, ApiError>
where
    ApiError: From<E>,
{
    match timeout(REDIS_PATIENCE, call).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(ApiError::unavailable()),
    }
}

/// The job when it has ended, or as it stands when `patience` is over or the process drains: a held request does not hold
/// up a deploy.
pub(crate) async fn until_ended(state: &AppState, id: JobId, patience: Duration) -> Result<Option<JobView>, ApiError> {
    let patience = patience.min(LONGEST_HOLD);
    match timeout(patience + REDIS_PATIENCE, state.events.wait(id, patience)).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(ApiError::unavailable()),
    }
}
