//! What a backend must do to carry jobs that are paid for.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use apalis_redis::Config;
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout},
};

use super::{
    Verdict,
    subject::{Behaviour, End, MAX_ATTEMPTS, Subject},
};

/// A worker that is silent for a second is lost. Its batches are small against the sixty-four jobs that run at once.
pub(super) fn config() -> Config {
    Config::default().batch_size(2).heartbeat_interval(Duration::from_millis(500)).missed_heartbeats(2)
}

pub(super) async fn a_pushed_job_runs(subject: &mut impl Subject) -> Verdict {
    subject.push("hello").await;
    let mut worker = subject.start(always(End::Well));
    expect("hello", &worker.next_run().await?)?;
    until(subject, subject.count_done(), 1).await?;
    worker.stop().await
}

/// The heartbeats of [`config`] would hide a lack of push: here they are far apart.
pub(super) async fn a_lone_job_reaches_an_idle_worker_without_polling(subject: &mut impl Subject) -> Verdict {
    subject.make_heartbeats_rare();
    let mut worker = subject.start(always(End::Well));
    subject.push("first").await;
    expect("first", &worker.next_run().await?)?;
    until(subject, subject.count_done(), 1).await?;
    subject.push("second").await;
    expect("second", &worker.next_run().await?)?;
    worker.stop().await
}

pub(super) async fn a_long_backlog_is_worked_through(subject: &mut impl Subject) -> Verdict {
    subject.push_many(10_000).await;
    let mut worker = subject.start(always(End::Well));
    for _ in 0..1_000 {
        worker.next_run().await?;
    }
    worker.stop().await
}

pub(super) async fn a_job_ends_after_its_attempts(subject: &mut impl Subject) -> Verdict {
    subject.push("doomed").await;
    let mut worker = subject.start(always(End::Badly));
    for _ in 0..MAX_ATTEMPTS {
        worker.next_run().await?;
    }
    until(subject, subject.count_dead(), 1).await?;
    none_more(worker.more_runs())?;
    worker.stop().await
}

pub(super) async fn a_retry_waits_as_long_as_it_was_told_to(subject: &mut impl Subject) -> Verdict {
    let wait = Duration::from_secs(2);
    let mut worker = subject.start(always(End::BadlyFor(wait)));
    subject.push("later").await;
    worker.next_run().await?;
    let first = Instant::now();
    worker.next_run().await?;
    let waited = first.elapsed();
    // The wait is counted from the settle, which comes after the start that is seen here.
    if waited < wait { Err(format!("it came again after {waited:?}")) } else { worker.stop().await }
}

pub(super) async fn a_job_that_ends_its_workers_ends_itself(subject: &mut impl Subject) -> Verdict {
    subject.push("deadly").await;
    for _ in 0..MAX_ATTEMPTS {
        let mut worker = subject.start(hold(&Arc::new(Semaphore::new(0))));
        expect("deadly", &worker.next_run().await?)?;
        worker.crash().await;
    }
    let mut worker = subject.start(hold(&Arc::new(Semaphore::new(0))));
    until(subject, subject.count_dead(), 1).await?;
    none_more(worker.more_runs())?;
    worker.stop().await
}

pub(super) async fn an_undecodable_job_stands_in_nobodys_way(subject: &mut impl Subject) -> Verdict {
    subject.push_garbage().await;
    let mut worker = subject.start(always(End::Well));
    until(subject, subject.count_dead(), 1).await?;
    subject.push("good").await;
    expect("good", &worker.next_run().await?)?;
    worker.stop().await
}

pub(super) async fn a_pause_of_redis_ends_no_worker<S: Subject>(subject: &mut S) -> Verdict {
    let mut worker = subject.start(always(End::Well));
    subject.push("before").await;
    worker.next_run().await?;
    // Settled before the pause, which is longer than a lease: else running it again would be right.
    until(subject, subject.count_done(), 1).await?;
    let mut connection = subject.redis().get_multiplexed_async_connection().await.map_err(|e| e.to_string())?;
    let pause = redis::Cmd::new().arg("CLIENT").arg("PAUSE").arg(1_800).arg("ALL").to_owned();
    pause.exec_async(&mut connection).await.map_err(|e| e.to_string())?;
    // Answered only when the pause is over.
    let answered = Instant::now();
    while redis::Cmd::new().arg("PING").exec_async(&mut connection).await.is_err() && answered.elapsed() < S::PATIENCE {
    }
    subject.push("after").await;
    expect("after", &worker.next_run().await?)?;
    worker.stop().await
}

pub(super) async fn a_stop_settles_what_was_finished(subject: &mut impl Subject) -> Verdict {
    let gate = Arc::new(Semaphore::new(0));
    let mut worker = subject.start(hold(&gate));
    for _ in 0..64 {
        subject.push("held").await;
    }
    for _ in 0..64 {
        worker.next_run().await?;
    }
    worker.ask_to_stop().await;
    gate.add_permits(64);
    worker.stop().await?;
    until(subject, subject.count_done(), 64).await
}

pub(super) async fn finished_jobs_leave_nothing_behind(subject: &mut impl Subject) -> Verdict {
    for _ in 0..20 {
        subject.push("soon over").await;
    }
    let worker = subject.start(always(End::Well));
    until(subject, subject.count_done(), 20).await?;
    worker.stop().await?;
    let mut connection = subject.redis().get_multiplexed_async_connection().await.map_err(|e| e.to_string())?;
    let mut ask = redis::Cmd::new();
    let keys: Vec<String> = ask.arg("KEYS").arg("*").query_async(&mut connection).await.map_err(|e| e.to_string())?;
    for key in keys {
        let (kind, ttl): (String, i64) =
            redis::pipe().key_type(&key).pttl(&key).query_async(&mut connection).await.map_err(|e| e.to_string())?;
        // A sorted set is an index, which the backend trims; the clocks of a queue are one small hash.
        if ttl < 0 && kind != "zset" && !key.contains(":order:") {
            return Err(format!("{key} ({kind}) stays for ever"));
        }
    }
    Ok(())
}

fn always(end: End) -> Behaviour {
    Arc::new(move || Box::pin(async move { end }))
}

/// Every attempt waits for a permit of its own.
fn hold(gate: &Arc<Semaphore>) -> Behaviour {
    let gate = Arc::clone(gate);
    Arc::new(move || {
        let gate = Arc::clone(&gate);
        Box::pin(async move {
            gate.acquire().await.expect("the gate stays").forget();
            End::Well
        })
    })
}

fn expect(wanted: &str, seen: &str) -> Verdict {
    if wanted == seen { Ok(()) } else { Err(format!("`{seen}` was run and not `{wanted}`")) }
}

fn none_more(runs: usize) -> Verdict {
    if runs == 0 { Ok(()) } else { Err(format!("{runs} more attempts were made")) }
}

/// Asks for a count until it is as wanted.
async fn until<S: Subject>(subject: &S, count: redis::Cmd, wanted: usize) -> Verdict {
    let mut connection = subject.redis().get_multiplexed_async_connection().await.map_err(|e| e.to_string())?;
    let seen = AtomicUsize::new(0);
    let asking = async {
        loop {
            let number: usize = count.query_async(&mut connection).await.unwrap_or_default();
            seen.store(number, Ordering::Relaxed);
            if number == wanted {
                return;
            }
        }
    };
    let asked = timeout(S::PATIENCE, asking).await;
    asked.map_err(|_| format!("the number of ended jobs stays at {}", seen.load(Ordering::Relaxed)))
}
