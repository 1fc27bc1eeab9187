//! Users as they are shown.

use std::fmt;

use serde_json::{Value, json};
use shared::{
    budget::Usd,
    timestamp::rfc3339,
    users::{Activity, Counts, Suspension, UserDetail, UsersOverview},
};

use crate::output::{plain, width};

/// One user.
#[derive(Debug)]
pub(super) struct Shown<'a> {
    pub(super) user: &'a str,
    pub(super) detail: UserDetail,
}

impl Shown<'_> {
    /// Whether something is known of the user.
    pub(super) fn is_known(&self) -> bool {
        let UserDetail { suspension, listed_jobs, activity, days } = &self.detail;
        suspension.is_some()
            || *listed_jobs > 0
            || *activity != Activity::default()
            || days.iter().any(|day| day.spend != shared::budget::Spend::default())
    }

    pub(super) fn document(&self) -> Value {
        let days = self.detail.days.iter().map(|day| {
            let spend = &day.spend;
            json!({
                "day": day.day,
                "tokens": spend.tokens,
                "micros": spend.micros,
                "held_tokens": spend.held_tokens,
                "held_micros": spend.held_micros,
                "assumed_tokens": spend.assumed_tokens,
                "assumed_micros": spend.assumed_micros,
            })
        });
        json!({
            "user": self.user,
            "suspension": suspension(self.detail.suspension.as_ref()),
            "listed_jobs": self.detail.listed_jobs,
            "activity": activity(&self.detail.activity),
            "days": days.collect::<Vec<_>>(),
        })
    }
}

fn suspension(suspension: Option<&Suspension>) -> Option<Value> {
    suspension.map(|of| json!({ "since_ms": of.since_ms, "reason": of.reason }))
}

fn activity(of: &Activity) -> Value {
    let Counts { accepted, completed, failed, cancelled, refused, limited } = of.counts;
    let error = |error: &Option<shared::users::LastError>| {
        error.as_ref().map(|error| json!({ "code": error.code, "at_ms": error.at_ms }))
    };
    json!({
        "first_ms": of.first_ms,
        "last_ms": of.last_ms,
        "accepted": accepted,
        "completed": completed,
        "failed": failed,
        "cancelled": cancelled,
        "refused": refused,
        "limited": limited,
        "last_error": error(&of.last_error),
        "last_refusal": error(&of.last_refusal),
    })
}

fn time(ms: Option<u64>) -> String {
    ms.map_or_else(|| "-".to_owned(), rfc3339)
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_known() {
            return write!(f, "Nothing is known of {}", plain(self.user));
        }
        let UserDetail { suspension, activity, .. } = &self.detail;
        let suspended = suspension
            .as_ref()
            .map_or_else(|| "no".to_owned(), |of| format!("since {}: {}", rfc3339(of.since_ms), plain(&of.reason)));
        let Counts { accepted, completed, failed, cancelled, refused, limited } = activity.counts;
        write!(
            f,
            "user          {}\nsuspended     {suspended}\nfirst seen    {}\nlast seen     {}\n\
             jobs          {accepted} accepted, {completed} completed, {failed} failed, {cancelled} cancelled\n\
             refused       {refused}, and {limited} by a limit of requests",
            plain(self.user),
            time(activity.first_ms),
            time(activity.last_ms)
        )?;
        for (name, error) in [("last error", &activity.last_error), ("last refusal", &activity.last_refusal)] {
            if let Some(error) = error {
                write!(f, "\n{name:<12}  {} at {}", plain(&error.code), rfc3339(error.at_ms))?;
            }
        }
        write!(f, "\n\n{:<12}  {:>12}  {:>12}  {:>12}  {:>12}", "spent on", "tokens", "held", "USD", "held")?;
        for day in &self.detail.days {
            let spend = &day.spend;
            let [usd, held] = [spend.micros, spend.held_micros].map(|micros| Usd::from_micros(micros).to_string());
            write!(f, "\n{:<12}  {:>12}  {:>12}  {usd:>12}  {held:>12}", day.day, spend.tokens, spend.held_tokens)?;
        }
        Ok(())
    }
}

/// Who was there lately.
#[derive(Debug)]
pub(super) struct Overview(pub(super) UsersOverview);

impl Overview {
    pub(super) fn document(&self) -> Value {
        let Self(of) = self;
        let users = of.users.iter().map(|user| {
            json!({
                "user": user.user,
                "suspension": suspension(user.suspension.as_ref()),
                "activity": activity(&user.activity),
            })
        });
        json!({
            "known": of.known,
            "suspended": of.suspended,
            "unique_in_week": of.unique_in_week,
            "users": users.collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for Overview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(of) = self;
        write!(
            f,
            "{} users are known, {} in the last seven days; {} are suspended",
            of.known, of.unique_in_week, of.suspended
        )?;
        let user = width("user", of.users.iter().map(|user| &*user.user));
        write!(
            f,
            "\n\n{:<24}  {:<user$}  {:>8}  {:>9}  {:>6}  suspended",
            "seen", "user", "accepted", "completed", "failed"
        )?;
        for seen in &of.users {
            let counts = seen.activity.counts;
            write!(
                f,
                "\n{:<24}  {:<user$}  {:>8}  {:>9}  {:>6}  {}",
                time(seen.activity.last_ms),
                plain(&seen.user),
                counts.accepted,
                counts.completed,
                counts.failed,
                seen.suspension.as_ref().map_or_else(|| "-".to_owned(), |of| plain(&of.reason))
            )?;
        }
        Ok(())
    }
}
