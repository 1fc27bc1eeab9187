//! What operators see and change.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    fixture::{DAY, Fixture, LEAP_DAY, amount},
    model::{day, month_end},
};
use crate::{
    budget::{Limit, Limits, SetLimitError, Spend, money_is_limited},
    job::QueueName,
    timestamp::rfc3339,
    workers::{Card, Load, PaidModel, register},
};

fn limits() -> Limits {
    Limits { user_tokens_per_day: 10, fleet_micros_per_month: 2_000_000, ..Limits::default() }
}

#[tokio::test]
async fn the_kill_switch_refuses_everything_until_it_is_taken_back() {
    let f = Fixture::start(Limits::default()).await;
    let budget = f.budget();
    f.accept(LEAP_DAY, "ada", amount(1, 1)).await.unwrap();
    budget.set_kill_switch(Some("The bill\nis too high")).await.unwrap();
    assert_eq!(f.accept(LEAP_DAY, "ada", amount(0, 0)).await.unwrap_err(), ["killed", "The bill\nis too high"]);
    let first = budget.status(None).await.unwrap().kill_switch.unwrap();
    assert_eq!(first.reason, "The bill\nis too high");
    assert!(rfc3339(first.since_ms).as_str() > "2025");

    budget.set_kill_switch(Some("")).await.unwrap();
    let again = budget.status(None).await.unwrap().kill_switch.unwrap();
    assert_eq!((again.reason.as_str(), again.since_ms), ("", first.since_ms), "it was thrown before");
    assert_eq!(f.accept(LEAP_DAY, "ada", amount(0, 0)).await.unwrap_err(), ["killed", ""]);

    budget.set_kill_switch(None).await.unwrap();
    assert_eq!(budget.status(None).await.unwrap().kill_switch, None);
    f.accept(LEAP_DAY, "ada", amount(1, 1)).await.unwrap();
    assert_eq!(f.raw::<u64>(&["EXISTS", "{test}:budget"]).await, 0);
}

#[tokio::test]
async fn a_limit_that_is_set_wins_until_it_is_taken_back() {
    let f = Fixture::start(limits()).await;
    let budget = f.budget();
    for (value, most, accepted) in [(None, 10, 10), (Some(4), 4, 4), (Some(0), 0, 1_000), (None, 10, 10)] {
        budget.set_limit(Limit::UserTokensPerDay, value).await.unwrap();
        let in_force = budget.status(None).await.unwrap().limits;
        assert_eq!((in_force[0].value, in_force[0].set), (most, value.is_some()));
        assert_eq!(in_force.map(|limit| limit.limit), Limit::ALL);
        assert_eq!(in_force[1..].iter().map(|limit| limit.value).collect::<Vec<_>>(), [0, 0, 2_000_000]);
        assert!(in_force[1..].iter().all(|limit| !limit.set));
        let held_in = f.accept(LEAP_DAY, "ada", amount(accepted, 0)).await.unwrap();
        if most > 0 {
            f.accept(LEAP_DAY, "ada", amount(1, 0)).await.unwrap_err();
        }
        f.release(&held_in, "ada", amount(accepted, 0)).await;
    }
    // What nobody of ours wrote is as good as nothing.
    f.raw::<u64>(&["HSET", "{test}:budget", "user_tokens_per_day", "many"]).await;
    assert_eq!(budget.status(None).await.unwrap().limits[0].value, 10);
    f.accept(LEAP_DAY, "ada", amount(11, 0)).await.unwrap_err();
}

#[tokio::test]
async fn a_limit_of_money_is_refused_while_a_live_worker_calls_a_model_without_a_price() {
    let f = Fixture::start(Limits::default()).await;
    let budget = f.budget();
    let announce = async |worker: &str, queue: QueueName, model: Option<(&str, bool)>, ttl: u64| {
        let card = Card {
            queue: queue.as_str().to_owned(),
            replica: worker.to_owned(),
            since: Instant::now(),
            slots: 1,
            model: model.map(|(name, priced)| PaidModel { name: name.to_owned(), priced }),
        };
        let load = Load { busy: 0, cpu: None };
        register(&f.pool, &f.keys, worker, (&card, load), Duration::from_secs(ttl)).await.unwrap();
    };
    let set = async |limits: &[(Limit, Option<u64>)]| budget.set_limits(limits).await;
    let (tokens, money) = (Limit::UserTokensPerDay, [Limit::UserMicrosPerDay, Limit::FleetMicrosPerMonth]);
    announce("speech", QueueName::Audio, None, 30).await;
    announce("priced", QueueName::Ai, Some(("mini", true)), 30).await;
    set(&[(money[0], Some(5))]).await.unwrap();
    set(&[(money[0], None)]).await.unwrap();

    announce("unpriced", QueueName::Ai, Some(("cards", false)), 30).await;
    for limit in money {
        let error = set(&[(tokens, Some(7)), (limit, Some(5))]).await.unwrap_err();
        assert!(matches!(&error, SetLimitError::Unpriced { model } if model == "cards"), "{error}");
        assert!(error.to_string().contains("cards") && error.to_string().contains("OPENAI_PRICES"), "{error}");
    }
    assert!(budget.status(None).await.unwrap().limits.iter().all(|limit| !limit.set), "all of them, or none");
    set(&[(tokens, Some(7)), (money[0], Some(0)), (money[1], None)]).await.unwrap();
    assert!(!money_is_limited(&f.pool, &f.keys).await.unwrap());

    // It stops.
    announce("unpriced", QueueName::Ai, Some(("cards", false)), 0).await;
    set(&[(money[1], Some(5))]).await.unwrap();
    assert!(money_is_limited(&f.pool, &f.keys).await.unwrap());
}

#[tokio::test]
async fn the_figures_are_those_of_today_and_of_this_month() {
    let f = Fixture::start(limits()).await;
    let empty = f.budget().status(Some("ada")).await.unwrap();
    assert_eq!((empty.fleet, empty.user), (Spend::default(), Some(Spend::default())));
    // Today and, should it be midnight meanwhile, tomorrow.
    for day in [day(empty.day_ends_at_ms - 1), day(empty.day_ends_at_ms)] {
        let (user, fleet) = (f.key(&format!("user:{day}:ada")), f.key(&format!("fleet:{}", &day[..7])));
        let mut fields = vec!["tokens", "1", "micros", "2", "held_tokens", "3", "held_micros", "4"];
        fields.extend(["assumed_tokens", "5", "assumed_micros", "6"]);
        f.raw::<u64>(&[&["HSET", &user], &fields[..]].concat()).await;
        f.raw::<u64>(&["HSET", &fleet, "tokens", "5", "held_micros", "6"]).await;
    }
    let status = f.budget().status(Some("ada")).await.unwrap();
    assert_eq!(status.day, day(status.day_ends_at_ms - DAY));
    assert_eq!(status.month_ends_at_ms, month_end(status.day_ends_at_ms - 1));
    assert_eq!(status.fleet, Spend { tokens: 5, held_micros: 6, ..Spend::default() });
    let user = Spend { tokens: 1, micros: 2, held_tokens: 3, held_micros: 4, assumed_tokens: 5, assumed_micros: 6 };
    assert_eq!(status.user, Some(user));
    let of_nobody = f.budget().status(None).await.unwrap();
    assert_eq!((of_nobody.fleet, of_nobody.user), (status.fleet, None));
}
