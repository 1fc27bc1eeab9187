//! How often one may ask: what is counted for which request, and how an answer tells.

mod general;
mod headers;
mod standings;

use shared::{config::RequestLimitsConfig, request_limits::RequestLimit};

pub(crate) use general::{general, general_unless_counted};
pub(crate) use standings::{Standings, UsedUp};

use crate::{error::ApiError, extract::ClientAddress, patience, state::AppState};

/// What a request for a job by `user` from `address` counts against; [`Queue::submit`](shared::queue::Queue::submit) counts it.
pub(crate) fn of_job(state: &AppState, user: &str, address: ClientAddress) -> Vec<RequestLimit> {
    let config = &state.config.request_limits;
    let of_address = per_minute("address-ai", address.limit_key(), config.ip_ai_limit_per_min);
    user_limits(config, user).into_iter().chain(of_address).chain(general_limit(config, address)).collect()
}

/// Where the limits of a user stand.
pub(crate) async fn stand(state: &AppState, user: &str, address: ClientAddress) -> Result<Standings, ApiError> {
    let limits = of_job(state, user, address);
    if limits.is_empty() {
        return Ok(Standings::default());
    }
    let counted = patience::redis(state.request_limits.look(&limits)).await?;
    Ok(Standings::as_they_are(counted))
}

/// The limits that a user has wherever the requests come from.
pub(crate) fn user_limits(config: &RequestLimitsConfig, user: &str) -> Vec<RequestLimit> {
    per_minute("user-ai", user.to_owned(), config.user_ai_limit_per_min).into_iter().collect()
}

fn per_minute(name: &'static str, subject: String, most: u32) -> Option<RequestLimit> {
    (most > 0).then_some(RequestLimit { name, subject, most, window: RequestLimitsConfig::JOB_WINDOW })
}

fn general_limit(config: &RequestLimitsConfig, address: ClientAddress) -> Option<RequestLimit> {
    let (most, window) = (config.ip_general_limit_per_15min, RequestLimitsConfig::GENERAL_WINDOW);
    (most > 0).then(|| RequestLimit { name: "address", subject: address.limit_key(), most, window })
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use shared::request_limits::OF_USERS;

    use super::*;

    #[derive(Parser)]
    struct Settings {
        #[command(flatten)]
        limits: RequestLimitsConfig,
    }

    #[test]
    fn what_counts_a_user_is_known_to_those_who_erase_one() {
        let limits = user_limits(&Settings::parse_from(["api"]).limits, "ada");
        assert!(!limits.is_empty());
        for limit in limits {
            assert!(OF_USERS.contains(&limit.name), "{}", limit.name);
        }
    }
}
