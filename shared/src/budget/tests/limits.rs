//! Limits hold exactly, and holds come and go without a trace.

use futures_util::future::join_all;

use super::fixture::{DAY, Fixture, HOUR, LEAP_DAY, amount};
use crate::budget::{Limits, Spend};

const NONE: Limits =
    Limits { user_tokens_per_day: 0, user_micros_per_day: 0, fleet_tokens_per_month: 0, fleet_micros_per_month: 0 };

#[tokio::test]
async fn two_hundred_at_once_get_exactly_what_there_is() {
    for (limits, what) in [
        (Limits { user_tokens_per_day: 1_000, ..NONE }, "user_tokens"),
        (Limits { user_micros_per_day: 1_000, ..NONE }, "user_money"),
        (Limits { fleet_tokens_per_month: 1_000, ..NONE }, "fleet_tokens"),
        (Limits { fleet_micros_per_month: 1_000, ..NONE }, "fleet_money"),
    ] {
        let f = Fixture::start(limits).await;
        let of_user = what.starts_with("user");
        let users: Vec<_> = (0..200).map(|n| if of_user { "ada".to_owned() } else { format!("user-{n}") }).collect();
        let seen = join_all(users.iter().map(|user| f.accept(LEAP_DAY, user, amount(7, 7)))).await;
        assert_eq!(seen.iter().filter(|accepted| accepted.is_ok()).count(), 142, "{what}");
        assert!(seen.iter().filter_map(|accepted| accepted.as_ref().err()).all(|refusal| refusal[1] == what));
        let counted = f.counted("fleet:2028-02").await;
        assert_eq!(counted, Spend { held_tokens: 994, held_micros: 994, ..Spend::default() });
        f.accept(LEAP_DAY, &users[0], amount(6, 6)).await.unwrap();
        f.accept(LEAP_DAY, &users[0], amount(1, 1)).await.unwrap_err();
    }
}

#[tokio::test]
async fn a_refusal_says_which_limit_and_when_it_begins_anew() {
    let limits = Limits { user_tokens_per_day: 100, fleet_micros_per_month: 50, ..NONE };
    let f = Fixture::start(limits).await;
    f.accept(LEAP_DAY, "ada", amount(100, 40)).await.unwrap();
    let midnight = LEAP_DAY + 12 * HOUR;
    let refusal = f.accept(LEAP_DAY, "ada", amount(1, 1)).await.unwrap_err();
    assert_eq!(refusal, ["over", "user_tokens", &midnight.to_string()]);
    let refusal = f.accept(LEAP_DAY - DAY, "bob", amount(1, 11)).await.unwrap_err();
    assert_eq!(refusal, ["over", "fleet_money", &midnight.to_string()], "the end of February");
    f.accept(LEAP_DAY, "bob", amount(1, 10)).await.unwrap();
    f.accept(midnight, "ada", amount(100, 50)).await.unwrap();
}

#[tokio::test]
async fn real_use_takes_the_place_of_a_hold() {
    let f = Fixture::start(Limits { user_tokens_per_day: 100, ..NONE }).await;
    let held_in = f.accept(LEAP_DAY, "ada", amount(90, 900)).await.unwrap();
    // Over midnight: the hold goes from where it was, the use counts for when it was.
    let tomorrow = LEAP_DAY + DAY;
    f.release(&held_in, "ada", amount(90, 900)).await;
    f.spend(tomorrow, "ada", amount(60, 600)).await;
    assert_eq!(f.counted("user:2028-02-29:ada").await, Spend::default());
    assert_eq!(f.counted("fleet:2028-02").await, Spend::default());
    let used = Spend { tokens: 60, micros: 600, ..Spend::default() };
    assert_eq!(f.counted("user:2028-03-01:ada").await, used);
    assert_eq!(f.counted("fleet:2028-03").await, used);
    f.accept(tomorrow, "ada", amount(41, 0)).await.unwrap_err();
    f.accept(tomorrow, "ada", amount(40, 0)).await.unwrap();
}

#[tokio::test]
async fn nothing_falls_below_zero_and_nothing_comes_back() {
    let f = Fixture::start(NONE).await;
    let held_in = f.accept(LEAP_DAY, "ada", amount(10, 20)).await.unwrap();
    for _ in 0..2 {
        f.release(&held_in, "ada", amount(6, 30)).await;
    }
    assert_eq!(f.counted("user:2028-02-29:ada").await, Spend::default());
    assert_eq!(f.counted("fleet:2028-02").await, Spend::default());
    for (held_in, user) in [("2027-02-28", "ada"), ("", "ada"), ("damaged", "bob")] {
        f.release(held_in, user, amount(1, 1)).await;
    }
    assert_eq!(f.known().await, ["fleet:2028-02", "user:2028-02-29:ada"]);
    for (period, days) in [("user:2028-02-29:ada", 8), ("fleet:2028-02", 70)] {
        let ttl: u64 = f.raw(&["PTTL", &f.key(period)]).await;
        assert!(ttl <= days * DAY && ttl > days * DAY - HOUR, "{period}: {ttl}");
    }
}

/// Redis 7.2 wrote multiples of 10^8 as `1e8` where a script passed them as numbers.
#[tokio::test]
async fn large_amounts_are_exact() {
    let f = Fixture::start(NONE).await;
    for tokens in [100_000_000, 300_000_000_000, 4_000_000_000_000_001] {
        let held_in = f.accept(LEAP_DAY, "ada", amount(tokens, tokens)).await.unwrap();
        assert_eq!(f.counted("fleet:2028-02").await.held_micros, tokens);
        f.release(&held_in, "ada", amount(tokens - 1, tokens)).await;
        assert_eq!(f.counted("fleet:2028-02").await.held_tokens, 1);
        f.release(&held_in, "ada", amount(1, 0)).await;
    }
}

#[tokio::test]
async fn any_text_may_name_a_user() {
    let f = Fixture::start(Limits { user_tokens_per_day: 1, ..NONE }).await;
    let long = "ü".repeat(150);
    let users = ["", " ", "a b", "a:b", "a", "a:", ":a", "{x}", "*", "%d%s", "\0\r\n\"", long.as_str()];
    for user in users {
        f.accept(LEAP_DAY, user, amount(1, 0)).await.unwrap();
    }
    for user in users {
        f.accept(LEAP_DAY, user, amount(1, 0)).await.unwrap_err();
    }
    assert_eq!(f.counted("fleet:2028-02").await.held_tokens, users.len() as u64);
}
