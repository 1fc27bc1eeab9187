//! How often one may ask: what is counted for which request, and how an answer tells.

mod general;
mod headers;
mod standings;

use shared::{config::RequestLimitsConfig, request_limits::RequestLimit};

pub(crate) use general::{general, general_unless_counted};
pub(crate) use standings::{Standings, UsedUp};

use crate::{error::ApiError, extract::ClientAddress, patience, state::AppState};

/// What a user may ask for, each with limits of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paid {
    Flashcards,
    Pronunciation,
}

/// The limits of a request for a job by `user`, and those of `address` where the caller has these. They are counted by
/// [`Queue::submit`](shared::queue::Queue::submit).
pub(crate) fn of_job(state: &AppState, paid: Paid, user: &str, address: Option<ClientAddress>) -> Vec<RequestLimit> {
    let config = &state.config.request_limits;
    let (name, most) = match paid {
        Paid::Flashcards => ("address-ai", config.ip_ai_limit_per_min),
        Paid::Pronunciation => ("address-pronunciation", config.ip_pronunciation_limit_per_min),
    };
    let of_address =
        address.map(|address| [per_minute(name, address.limit_key(), most), general_limit(config, address)]);
    let of_user = of_user(config, paid, user);
    of_user.into_iter().chain(of_address.into_iter().flatten().flatten()).collect()
}

/// Refuses a request for a job whose limits are used up already, before its body is read. Nothing is counted.
pub(crate) async fn refuse_early(
    state: &AppState,
    paid: Paid,
    user: &str,
    address: Option<ClientAddress>,
) -> Result<(), ApiError> {
    let limits = of_job(state, paid, user, address);
    if limits.is_empty() {
        return Ok(());
    }
    let mut counted = patience::redis(state.request_limits.look(&limits)).await?;
    counted.over = counted.standings.iter().position(|standing| standing.remaining == 0);
    Standings::of(counted).map(drop)
}

/// Where the limits of a user stand.
pub(crate) async fn stand(state: &AppState, user: &str, address: Option<ClientAddress>) -> Result<Standings, ApiError> {
    let config = &state.config.request_limits;
    let of_address = address.map(|address| {
        [
            per_minute("address-ai", address.limit_key(), config.ip_ai_limit_per_min),
            per_minute("address-pronunciation", address.limit_key(), config.ip_pronunciation_limit_per_min),
            general_limit(config, address),
        ]
    });
    let of_address = of_address.into_iter().flatten().flatten();
    let limits: Vec<_> = user_limits(config, user).into_iter().chain(of_address).collect();
    if limits.is_empty() {
        return Ok(Standings::default());
    }
    let counted = patience::redis(state.request_limits.look(&limits)).await?;
    Ok(Standings::as_they_are(counted))
}

/// The limits that a user has wherever the requests come from.
pub(crate) fn user_limits(config: &RequestLimitsConfig, user: &str) -> Vec<RequestLimit> {
    [Paid::Flashcards, Paid::Pronunciation].into_iter().filter_map(|paid| of_user(config, paid, user)).collect()
}

fn of_user(config: &RequestLimitsConfig, paid: Paid, user: &str) -> Option<RequestLimit> {
    let (name, most) = match paid {
        Paid::Flashcards => ("user-ai", config.user_ai_limit_per_min),
        Paid::Pronunciation => ("user-pronunciation", config.user_pronunciation_limit_per_min),
    };
    per_minute(name, user.to_owned(), most)
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
