//! What the fragment does, once more in plain Rust.

use std::collections::BTreeMap;

use jiff::{Timestamp, ToSpan, civil::DateTime, tz::Offset};

use super::fixture::Amount;
use crate::budget::{Limit, Limits, Spend};

#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) periods: BTreeMap<String, Spend>,
    pub(super) limits: Limits,
    pub(super) set: BTreeMap<&'static str, u64>,
    pub(super) killed: Option<String>,
}

fn utc(now: u64) -> DateTime {
    Offset::UTC.to_datetime(Timestamp::from_millisecond(i64::try_from(now).unwrap()).unwrap())
}

fn unix_ms(time: DateTime) -> u64 {
    Offset::UTC.to_timestamp(time).unwrap().as_millisecond().try_into().unwrap()
}

pub(super) fn day(now: u64) -> String {
    utc(now).date().to_string()
}

pub(super) fn day_end(now: u64) -> u64 {
    unix_ms(utc(now).date().tomorrow().unwrap().into())
}

pub(super) fn month_end(now: u64) -> u64 {
    unix_ms(utc(now).date().first_of_month().checked_add(1.month()).unwrap().into())
}

fn of_user(day: &str, user: &str) -> String {
    format!("user:{day}:{user}")
}

fn of_fleet(day: &str) -> String {
    format!("fleet:{}", &day[..7])
}

impl Model {
    pub(super) fn accept(&mut self, now: u64, user: &str, amount: Amount) -> Result<String, Vec<String>> {
        if let Some(reason) = &self.killed {
            return Err(vec!["killed".to_owned(), reason.clone()]);
        }
        let day = day(now);
        let counted = |period: &str| self.periods.get(period).copied().unwrap_or_default();
        let (user_spend, fleet) = (counted(&of_user(&day, user)), counted(&of_fleet(&day)));
        for (limit, configured) in Limit::ALL.into_iter().zip(self.limits.in_order()) {
            let (what, spend, ends) = match limit {
                Limit::UserTokensPerDay => ("user_tokens", user_spend, day_end(now)),
                Limit::UserMicrosPerDay => ("user_money", user_spend, day_end(now)),
                Limit::FleetTokensPerMonth => ("fleet_tokens", fleet, month_end(now)),
                Limit::FleetMicrosPerMonth => ("fleet_money", fleet, month_end(now)),
            };
            let would_be = match limit {
                Limit::UserTokensPerDay | Limit::FleetTokensPerMonth => {
                    spend.tokens + spend.held_tokens + amount.tokens
                }
                Limit::UserMicrosPerDay | Limit::FleetMicrosPerMonth => {
                    spend.micros + spend.held_micros + amount.micros
                }
            };
            let most = self.set.get(limit.name()).copied().unwrap_or(configured);
            if most > 0 && would_be > most {
                return Err(vec!["over".to_owned(), what.to_owned(), ends.to_string()]);
            }
        }
        for period in [of_user(&day, user), of_fleet(&day)] {
            let spend = self.periods.entry(period).or_default();
            spend.held_tokens += amount.tokens;
            spend.held_micros += amount.micros;
        }
        Ok(day)
    }

    pub(super) fn release(&mut self, held_in: &str, user: &str, amount: Amount) {
        for period in [of_user(held_in, user), of_fleet(held_in)] {
            if let Some(spend) = self.periods.get_mut(&period) {
                spend.held_tokens = spend.held_tokens.saturating_sub(amount.tokens);
                spend.held_micros = spend.held_micros.saturating_sub(amount.micros);
            }
        }
    }

    pub(super) fn spend(&mut self, now: u64, user: &str, amount: Amount) {
        let day = day(now);
        for period in [of_user(&day, user), of_fleet(&day)] {
            let spend = self.periods.entry(period).or_default();
            spend.tokens += amount.tokens;
            spend.micros += amount.micros;
        }
    }

    pub(super) fn assume(&mut self, now: u64, user: &str, amount: Amount) {
        self.spend(now, user, amount);
        let day = day(now);
        for period in [of_user(&day, user), of_fleet(&day)] {
            let spend = self.periods.entry(period).or_default();
            spend.assumed_tokens += amount.tokens;
            spend.assumed_micros += amount.micros;
        }
    }
}
