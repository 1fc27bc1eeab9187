//! The fragment and the model are driven side by side by random steps, and agree after each.

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use super::{
    fixture::{Amount, DAY, Fixture, HOUR, LEAP_DAY, amount},
    model::Model,
};
use crate::budget::{Limit, Limits};

const STEPS: usize = 400;
const USERS: [&str; 3] = ["ada", "b:2028-02-29:c", "Ådne {test} 学生"];
/// Two days and two months.
const TIMES: [u64; 3] = [LEAP_DAY, LEAP_DAY + 12 * HOUR - 1, LEAP_DAY + 12 * HOUR];

struct Pair {
    f: Fixture,
    model: Model,
    rng: StdRng,
    /// Every hold there ever was: what was given back is given back again.
    holds: Vec<(String, &'static str, Amount)>,
    refused: Vec<String>,
}

#[tokio::test]
async fn the_fragment_does_what_the_model_does() {
    let limits = Limits {
        user_tokens_per_day: 3_000,
        user_micros_per_day: 500,
        fleet_tokens_per_month: 6_000,
        fleet_micros_per_month: 1_000,
    };
    let mut refused = Vec::new();
    for seed in 0..4 {
        let model = Model { limits, ..Model::default() };
        let f = Fixture::start(limits).await;
        let mut pair = Pair { f, model, rng: StdRng::seed_from_u64(seed), holds: Vec::new(), refused: Vec::new() };
        for step in 0..STEPS {
            let what = pair.step().await;
            pair.compare(&format!("seed {seed}, step {step}: {what}")).await;
        }
        assert!(pair.holds.len() > 20, "seed {seed} accepts too little");
        refused.append(&mut pair.refused);
    }
    refused.sort_unstable();
    refused.dedup();
    assert_eq!(refused, ["fleet_money", "fleet_tokens", "killed", "user_money", "user_tokens"]);
}

impl Pair {
    async fn step(&mut self) -> String {
        let user = *USERS.choose(&mut self.rng).unwrap();
        let now = *TIMES.choose(&mut self.rng).unwrap();
        let amount = amount(self.rng.random_range(0..=800), self.rng.random_range(0..=130));
        match self.rng.random_range(0..100) {
            0..45 => {
                let accepted = self.f.accept(now, user, amount).await;
                assert_eq!(accepted, self.model.accept(now, user, amount), "{amount:?} of {user} at {now}");
                match &accepted {
                    Ok(held_in) => self.holds.push((held_in.clone(), user, amount)),
                    Err(refusal) if refusal[0] == "killed" => self.refused.push("killed".to_owned()),
                    Err(refusal) => self.refused.push(refusal[1].clone()),
                }
                format!("accept {amount:?} of {user} at {now}: {accepted:?}")
            }
            45..75 => self.release().await,
            75..80 => {
                let amount = Amount { tokens: amount.tokens / 4, micros: amount.micros / 4 };
                self.f.assume(now, user, amount).await;
                self.model.assume(now, user, amount);
                format!("assume {amount:?} of {user} at {now}")
            }
            80..85 => {
                let amount = Amount { tokens: amount.tokens / 4, micros: amount.micros / 4 };
                self.f.spend(now, user, amount).await;
                self.model.spend(now, user, amount);
                format!("spend {amount:?} of {user} at {now}")
            }
            85..95 => self.set_limit().await,
            _ => self.kill_or_lift().await,
        }
    }

    async fn release(&mut self) -> String {
        let recent = self.holds.len().saturating_sub(8);
        let Some((held_in, user, amount)) = self.holds[recent..].choose(&mut self.rng).cloned() else {
            return "nothing".to_owned();
        };
        self.f.release(&held_in, user, amount).await;
        self.model.release(&held_in, user, amount);
        format!("release {amount:?} of {user} in {held_in}")
    }

    async fn set_limit(&mut self) -> String {
        let limit = *Limit::ALL.choose(&mut self.rng).unwrap();
        let value = *[None, Some(0), Some(700), Some(9_000)].choose(&mut self.rng).unwrap();
        self.f.budget().set_limit(limit, value).await.unwrap();
        match value {
            Some(value) => self.model.set.insert(limit.name(), value),
            None => self.model.set.remove(limit.name()),
        };
        format!("set {limit:?} to {value:?}")
    }

    async fn kill_or_lift(&mut self) -> String {
        let reason = self.model.killed.is_none().then(|| "the bill".to_owned());
        self.f.budget().set_kill_switch(reason.as_deref()).await.unwrap();
        self.model.killed.clone_from(&reason);
        format!("kill switch: {reason:?}")
    }

    async fn compare(&self, when: &str) {
        for (period, expected) in &self.model.periods {
            assert_eq!(self.f.counted(period).await, *expected, "{period} after {when}");
        }
        for period in self.f.known().await {
            assert!(self.model.periods.contains_key(&period), "{period} is counted after {when}");
            let ttl: u64 = self.f.raw(&["PTTL", &self.f.key(&period)]).await;
            assert!(ttl <= if period.starts_with("user") { 8 * DAY } else { 70 * DAY }, "{period} after {when}");
        }
    }
}
