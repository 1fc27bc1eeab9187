//! How often one may ask: what is counted for which request, and how an answer tells.

mod general;
mod headers;
mod standings;

use shared::{config::RequestLimitsConfig, request_limits::RequestLimit};

pub(crate) use general::general;
pub(crate) use standings::{Standings, UsedUp};

use crate::{error::ApiError, extract::ClientAddress, patience, state::AppState};

/// What a job is made of, as far as limits go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Asks the model.
    Ai,
}

/// Counts a request for a job by `user` from `address`, or refuses it. `idempotency_key`: a repeat costs nothing.
pub(crate) async fn count_job(
    state: &AppState,
    work: Work,
    user: &str,
    address: ClientAddress,
    idempotency_key: Option<&str>,
) -> Result<Standings, ApiError> {
    let limits = job_limits(&state.config.request_limits, work, user, address);
    if limits.is_empty() {
        return Ok(Standings::default());
    }
    let repeat_of = idempotency_key.map(|key| (user, key));
    let counted = patience::redis(state.request_limits.count(&limits, repeat_of)).await?;
    Standings::of(counted)
}

/// Where the limits of a user stand.
pub(crate) async fn stand(state: &AppState, user: &str, address: ClientAddress) -> Result<Standings, ApiError> {
    let config = &state.config.request_limits;
    let limits: Vec<_> =
        job_limits(config, Work::Ai, user, address).into_iter().chain(general_limit(config, address)).collect();
    if limits.is_empty() {
        return Ok(Standings::default());
    }
    let counted = patience::redis(state.request_limits.look(&limits)).await?;
    Ok(Standings::as_they_are(counted))
}

fn job_limits(config: &RequestLimitsConfig, work: Work, user: &str, address: ClientAddress) -> Vec<RequestLimit> {
    let Work::Ai = work;
    let limit = |name, subject, most| RequestLimit { name, subject, most, window: RequestLimitsConfig::JOB_WINDOW };
    let both = [
        limit("user-ai", user.to_owned(), config.user_ai_limit_per_min),
        limit("address-ai", address.limit_key(), config.ip_ai_limit_per_min),
    ];
    both.into_iter().filter(|limit| limit.most > 0).collect()
}

fn general_limit(config: &RequestLimitsConfig, address: ClientAddress) -> Option<RequestLimit> {
    let (most, window) = (config.ip_general_limit_per_15min, RequestLimitsConfig::GENERAL_WINDOW);
    (most > 0).then(|| RequestLimit { name: "address", subject: address.limit_key(), most, window })
}
