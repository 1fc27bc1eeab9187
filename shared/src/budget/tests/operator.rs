//! What operators see and change.

use super::{
    fixture::{DAY, Fixture, LEAP_DAY, amount},
    model::{day, month_end},
};
use crate::{
    budget::{Limit, Limits, Spend},
    timestamp::rfc3339,
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
async fn the_figures_are_those_of_today_and_of_this_month() {
    let f = Fixture::start(limits()).await;
    let empty = f.budget().status(Some("ada")).await.unwrap();
    assert_eq!((empty.fleet, empty.user), (Spend::default(), Some(Spend::default())));
    // Today and, should it be midnight meanwhile, tomorrow.
    for day in [day(empty.day_ends_at_ms - 1), day(empty.day_ends_at_ms)] {
        let (user, fleet) = (f.key(&format!("user:{day}:ada")), f.key(&format!("fleet:{}", &day[..7])));
        let fields = ["tokens", "1", "micros", "2", "held_tokens", "3", "held_micros", "4"];
        f.raw::<u64>(&[&["HSET", &user], &fields[..]].concat()).await;
        f.raw::<u64>(&["HSET", &fleet, "tokens", "5", "held_micros", "6"]).await;
    }
    let status = f.budget().status(Some("ada")).await.unwrap();
    assert_eq!(status.day, day(status.day_ends_at_ms - DAY));
    assert_eq!(status.month_ends_at_ms, month_end(status.day_ends_at_ms - 1));
    assert_eq!(status.fleet, Spend { tokens: 5, held_micros: 6, ..Spend::default() });
    assert_eq!(status.user, Some(Spend { tokens: 1, micros: 2, held_tokens: 3, held_micros: 4 }));
    let of_nobody = f.budget().status(None).await.unwrap();
    assert_eq!((of_nobody.fleet, of_nobody.user), (status.fleet, None));
}
