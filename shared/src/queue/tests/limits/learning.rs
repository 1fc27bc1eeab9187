//! What the upstream teaches.

use std::time::Duration;

use super::{FREE, Fixture, GUARD, WINDOW, ended, refused};
use crate::{
    budget::Limits as BudgetLimits,
    fleet::Fleet,
    job::JobState,
    limiter::{LimitName, Limits, limiter_status, set_limits},
    openai::{OpenAiError, RateHeaders},
    queue::{Call, CallEnd, Ending, Verdict, take::TakenJob},
    scaling::figures_of,
};

impl Fixture {
    /// Takes up to `most` jobs and lets their calls go.
    async fn call_many(&self, most: usize) -> Vec<(TakenJob, Call)> {
        let mut calls = Vec::new();
        for job in self.ask("a", most).await.0 {
            let call = self.begin(&job, 100).await.unwrap();
            calls.push((job, call));
        }
        calls
    }

    async fn learned(&self) -> Option<u64> {
        limiter_status(&self.pool, &self.keys, &Self::group()).await.unwrap().learned_rpm
    }

    async fn pass_a_window(&self) {
        self.let_pass(WINDOW + GUARD).await;
    }
}

async fn fixture(rpm: u64) -> Fixture {
    let f = Fixture::limited(Limits { rpm, ..FREE }).await;
    f.enqueue_many(800).await;
    f
}

fn headers(limit: i64, remaining: i64) -> CallEnd<'static> {
    CallEnd {
        limit_requests: limit.try_into().ok(),
        remaining_requests: remaining.try_into().ok(),
        ..ended(Ending::Ok)
    }
}

#[tokio::test]
async fn a_retry_after_pauses_the_whole_fleet_once() {
    let f = fixture(50).await;
    let calls = f.call_many(5).await;
    let second = Duration::from_secs(20);
    for (_, call) in &calls {
        call.end(refused(Some(second))).await;
    }
    let status = limiter_status(&f.pool, &f.keys, &Fixture::group()).await.unwrap();
    let until = status.pause_until_ms.unwrap();
    let now: Vec<u64> = f.raw(&["TIME"]).await;
    assert!(until <= now[0] * 1_000 + now[1] / 1_000 + 20_000, "five refusals are one pause");
    assert!(f.ask("b", 5).await.0.is_empty());
    f.let_pass(second).await;
    let (trial, _) = f.ask("b", 5).await;
    assert_eq!(trial.len(), 1, "one sees whether the upstream answers again");
    assert!(f.ask("c", 5).await.0.is_empty());
    f.begin(&trial[0], 100).await.unwrap().end(ended(Ending::Ok)).await;
    assert_eq!(f.ask("c", 5).await.0.len(), 5);
}

#[tokio::test]
async fn a_refusal_costs_no_attempt_and_puts_the_job_back_in_line() {
    let f = fixture(50).await;
    let (job, call) = f.call_many(1).await.remove(0);
    call.end(refused(None)).await;
    let limited = OpenAiError::RateLimited { retry_after: None, rate: RateHeaders::default(), plain: true };
    f.end(&job, &limited.into()).await;
    assert_eq!((f.view(job.id).await.state, f.view(job.id).await.attempts), (JobState::Waiting, 0));
    f.let_pass(Duration::from_secs(1)).await;
    let trial = f.ask("a", 1).await.0.remove(0);
    assert_ne!(trial.id, job.id, "a refused job is no trial while another one can be");
    f.begin(&trial, 100).await.unwrap().end(ended(Ending::Ok)).await;
    assert_eq!(f.ask("a", 1).await.0[0].id, job.id, "then it goes before those that came after it");
}

#[tokio::test]
async fn pauses_double_while_nothing_goes_and_end_with_a_success() {
    let f = fixture(50).await;
    f.call_many(1).await[0].1.end(refused(None)).await;
    for seconds in [1, 2, 4, 8, 16, 30, 30] {
        f.let_pass(Duration::from_millis(seconds * 1_000 - 200)).await;
        assert!(f.ask("a", 1).await.0.is_empty(), "{seconds} s");
        f.let_pass(Duration::from_millis(200)).await;
        f.call_many(1).await[0].1.end(refused(None)).await;
    }
    f.let_pass(Duration::from_secs(30)).await;
    f.call_many(1).await[0].1.end(ended(Ending::Ok)).await;
    assert!(f.call_many(9).await.len() > 1);
}

#[tokio::test]
async fn a_permit_from_before_a_pause_is_not_used_in_it() {
    let f = fixture(50).await;
    let early = f.ask("a", 1).await.0.remove(0);
    f.call_many(1).await[0].1.end(refused(Some(Duration::from_secs(9)))).await;
    assert_eq!(f.begin(&early, 100).await.unwrap_err().code(), "awaiting_permit");
}

#[tokio::test]
async fn refusals_teach_the_limit_and_it_is_widened_again_step_by_step() {
    let f = fixture(100).await;
    let calls = f.call_many(60).await;
    for (_, call) in &calls[50..] {
        call.end(refused(Some(Duration::from_millis(1)))).await;
    }
    assert_eq!(f.learned().await, Some(50), "60 were made and 10 of them refused");
    f.pass_a_window().await;
    f.call_many(1).await[0].1.end(ended(Ending::Ok)).await;
    assert_eq!(f.call_many(64).await.len(), 49);

    // Held for four windows; then a step in each window in which it was reached, each twice the one before. What is tried beyond
    // what is known to be accepted goes evenly over the window.
    for (learned, reached) in
        [(50, true), (50, true), (52, false), (52, true), (56, true), (64, true), (80, true), (96, true)]
    {
        f.pass_a_window().await;
        let at_once = f.call_many(64).await.len();
        assert_eq!((f.learned().await, at_once), (Some(learned), 50));
        if learned > 50 {
            let between = WINDOW / u32::try_from(learned - 50).unwrap();
            f.let_pass(between / 2).await;
            assert_eq!(f.call_many(64).await.len(), 0, "of {learned}");
            f.let_pass(between / 2).await;
            assert_eq!(f.call_many(64).await.len(), 1, "of {learned}");
            if reached {
                f.raw::<u64>(&["HSET", &f.keys.limiter(&Fixture::group()), "reached", "1"]).await;
            }
        }
    }
    f.pass_a_window().await;
    assert_eq!(f.call_many(64).await.len() + f.call_many(64).await.len(), 100);
    assert_eq!(f.learned().await, None);
}

#[tokio::test]
async fn a_limit_that_was_found_again_is_held_for_longer() {
    let f = fixture(100).await;
    for hold in [4_u64, 8, 16] {
        let calls = f.call_many(64).await;
        calls[calls.len() - 1].1.end(refused(Some(Duration::from_millis(1)))).await;
        let held: u64 = f.raw(&["HGET", &f.keys.limiter(&Fixture::group()), "hold"]).await;
        assert_eq!(held, hold);
        f.pass_a_window().await;
        f.call_many(1).await[0].1.end(ended(Ending::Ok)).await;
    }
}

#[tokio::test]
async fn an_upstream_that_refuses_everything_teaches_no_limit() {
    let f = fixture(50).await;
    for (_, call) in f.call_many(20).await {
        call.end(refused(None)).await;
    }
    assert_eq!(f.learned().await, None);
}

#[tokio::test]
async fn an_announced_limit_narrows_the_window_and_a_wider_one_does_not() {
    let f = fixture(50).await;
    f.call_many(1).await[0].1.end(headers(5, 4)).await;
    assert_eq!(f.call_many(64).await.len(), 4);
    f.pass_a_window().await;
    f.call_many(1).await[0].1.end(headers(500, 499)).await;
    assert_eq!(f.call_many(64).await.len(), 49, "never above what is configured");
}

#[tokio::test]
async fn what_others_use_of_the_key_is_left_to_them_for_a_window() {
    let f = fixture(50).await;
    f.call_many(1).await[0].1.end(headers(60, 19)).await;
    // Of 60, 41 are used, 1 of them by us: 20 are left to the whole fleet.
    assert_eq!(f.call_many(64).await.len(), 19);
    f.pass_a_window().await;
    assert_eq!(f.call_many(64).await.len(), 50);
}

#[tokio::test]
async fn own_calls_that_arrived_meanwhile_are_not_taken_for_those_of_others() {
    let f = fixture(50).await;
    let first = f.call_many(1).await.remove(0).1;
    let others = f.call_many(10).await;
    first.end(headers(50, 39)).await;
    assert_eq!(others.len() + f.call_many(64).await.len(), 49);
}

#[tokio::test]
async fn unknown_and_absurd_headers_change_nothing() {
    let f = fixture(50).await;
    for (limit, remaining) in [(-1, -1), (-1, 0), (50, 99)] {
        f.call_many(1).await[0].1.end(headers(limit, remaining)).await;
    }
    assert_eq!(f.call_many(64).await.len(), 47);
}

#[tokio::test]
async fn an_announced_limit_of_tokens_narrows_theirs() {
    let f = Fixture::limited(Limits { tpm: 1_000, ..FREE }).await;
    f.enqueue_many(20).await;
    f.call_many(1).await[0].1.end(CallEnd { limit_tokens: Some(300), ..ended(Ending::Ok) }).await;
    assert_eq!(f.call_many(9).await.len(), 2);
    let status = limiter_status(&f.pool, &f.keys, &Fixture::group()).await.unwrap();
    let told = (status.header_tpm, status.announced_tpm, status.header_rpm, status.announced_rpm);
    assert_eq!(told, (Some(300), Some(300), None, None), "operators see which limit is narrowed, and by whom");
    let fleet = Fleet::new(f.pool.clone(), f.keys.clone(), "model", BudgetLimits::default());
    let look = fleet.look().await.unwrap();
    assert_eq!(figures_of(&look, &look.services[0]).window.tpm, Some(300), "advice on workers reckons with it");
}

#[tokio::test]
async fn into_the_unknown_only_a_few_calls_go_at_once() {
    let f = fixture(50).await;
    f.raw::<u64>(&["HDEL", &f.keys.limiter(&Fixture::group()), "warm_until"]).await;
    let calls = f.call_many(40).await;
    assert_eq!((calls.len(), f.ask("a", 40).await.0.len()), (10, 0));
    calls[0].1.end(ended(Ending::Ok)).await;
    assert_eq!(f.ask("a", 40).await.0.len(), 40, "the upstream answers");
}

#[tokio::test]
async fn limits_that_an_operator_sets_are_not_undone_when_a_job_is_blamed() {
    let f = fixture(50).await;
    let wordless = ended(Ending::Limited { retry_after: None, plain: false });
    let calls = f.call_many(40).await;
    calls[0].1.end(refused(None)).await;
    assert!(f.learned().await.is_some());
    calls[1].1.end(wordless).await;
    for (_, call) in &calls[2..] {
        call.end(ended(Ending::Ok)).await;
    }
    set_limits(&f.pool, &f.keys, &Fixture::group(), &[(LimitName::Rpm, Some(45))]).await.unwrap();
    assert_eq!(f.learned().await, None, "what was learned under other limits is forgotten");
    f.let_pass(Duration::from_secs(2)).await;
    let job = f.context(&calls[1].0);
    drop(job.call(100)); // the one that was refused has number 1
    let again = job.call(100);
    again.begin().await.unwrap();
    assert!(matches!(again.end(wordless).await, Verdict::Blamed { refusals: 1 }));
    assert_eq!(f.learned().await, None);
}
