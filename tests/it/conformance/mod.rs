//! One suite for queue backends, run on ours and on apalis-redis.
//!
//! What apalis-redis is known to fail is asserted by name: on the day that one of these is mended, its test says so, and the
//! way back to the published backend is one step shorter.

mod apalis_redis;
mod checks;
mod ours;
mod subject;

use shared::testing::TestRedis;

use self::{apalis_redis::ApalisRedis, ours::Ours, subject::Subject};

/// What is seen where a check fails; the text says what was seen instead.
type Verdict = Result<(), String>;

/// A worker of apalis-redis that asks for jobs before it has registered itself ends; it does so now and then.
const START_RACE: &str = "worker not registered";

macro_rules! suite {
    ($($check:ident => $expected_of_apalis_redis:tt;)*) => {
        mod on_ours {
            use super::*;
            $(#[tokio::test]
            async fn $check() {
                let redis = TestRedis::start().await.unwrap();
                let verdict = checks::$check(&mut Ours::new(&redis, checks::config()).await).await;
                assert_eq!(verdict, Ok(()));
            })*
        }

        mod on_apalis_redis {
            use super::*;
            $(#[tokio::test]
            async fn $check() {
                let redis = TestRedis::start().await.unwrap();
                let verdict = checks::$check(&mut ApalisRedis::new(&redis, checks::config()).await).await;
                suite!(@$expected_of_apalis_redis verdict);
            })*
        }
    };
    (@passes $verdict:ident) => { assert_eq!($verdict, Ok(())) };
    (@(fails with $reason:literal) $verdict:ident) => {
        let seen = $verdict.expect_err("apalis-redis has learned this: expect it to pass, and say so in ARCHITECTURE.md");
        let known = [$reason, START_RACE].iter().any(|reason| seen.contains(reason));
        assert!(known, "it fails in another way than is known: {seen}");
    };
}

suite! {
    a_pushed_job_runs => passes;
    a_lone_job_reaches_an_idle_worker_without_polling => (fails with "no attempt was started");
    a_long_backlog_is_worked_through => (fails with "too many results to unpack");
    a_job_ends_after_its_attempts => (fails with "stays at 0");
    a_retry_waits_as_long_as_it_was_told_to => (fails with "it came again after");
    a_job_that_ends_its_workers_ends_itself => (fails with "stays at 0");
    an_undecodable_job_stands_in_nobodys_way => (fails with "stays at 0");
    a_pause_of_redis_ends_no_worker => (fails with "timed out");
    a_stop_settles_what_was_finished => (fails with "does not end");
    finished_jobs_leave_nothing_behind => (fails with "stays for ever");
}
