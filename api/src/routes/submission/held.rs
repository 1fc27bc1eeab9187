//! Requests that are held until their job has ended, as shipped apps expect.

use std::time::Duration;

use axum::{
    http::{HeaderName, HeaderValue},
    response::Response,
};
use shared::job::{JobId, JobView};

use crate::{extract::Prefer, patience, state::AppState};

const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// How long to hold the request, and which preference that honours: the query speaks for this request, `Prefer` for the
/// client, the setting for the deployment.
pub(crate) fn choose_wait(
    asked: Option<Duration>,
    prefer: &Prefer,
    default: Duration,
) -> (Duration, Option<HeaderValue>) {
    if let Some(asked) = asked {
        return (asked, None);
    }
    match prefer {
        Prefer { wait: Some(wait), .. } => (*wait, HeaderValue::try_from(format!("wait={}", wait.as_secs())).ok()),
        Prefer { respond_async: true, .. } => (Duration::ZERO, Some(HeaderValue::from_static("respond-async"))),
        Prefer { .. } => (default, None),
    }
}

/// The job, if it ends in time. A Redis that goes away meanwhile is no error here: the job has been accepted, and a client
/// that is told otherwise sends it again.
pub(crate) async fn ended(state: &AppState, id: JobId, wait: Duration) -> Option<JobView> {
    if wait.is_zero() {
        return None;
    }
    let job = patience::until_ended(state, id, wait).await.ok().flatten();
    job.filter(|job| job.state.is_final())
}

/// Says which preference was followed (RFC 7240, section 3).
pub(crate) fn tell_preference(mut response: Response, applied: Option<HeaderValue>) -> Response {
    if let Some(applied) = applied {
        response.headers_mut().insert(PREFERENCE_APPLIED, applied);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(asked: Option<u64>, prefer: &Prefer) -> (u64, Option<String>) {
        let default = Duration::from_secs(55);
        let (wait, applied) = choose_wait(asked.map(Duration::from_secs), prefer, default);
        (wait.as_secs(), applied.map(|value| value.to_str().unwrap().to_owned()))
    }

    #[test]
    fn the_query_wins_then_prefer_then_the_setting() {
        let wait = Prefer { wait: Some(Duration::from_secs(9)), respond_async: true };
        let at_once = Prefer { wait: None, respond_async: true };
        assert_eq!(chosen(Some(0), &wait), (0, None));
        assert_eq!(chosen(None, &wait), (9, Some("wait=9".to_owned())));
        assert_eq!(chosen(None, &at_once), (0, Some("respond-async".to_owned())));
        assert_eq!(chosen(None, &Prefer::default()), (55, None));
    }
}
