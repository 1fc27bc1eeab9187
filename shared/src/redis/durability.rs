//! Whether Redis keeps what it was told: nothing of ours may be evicted, and something has to be on disk.

use std::{collections::HashMap, time::Duration};

use redis::{InfoDict, Pipeline};

use super::{RedisPool, UnavailableError};
use crate::{config::DurabilityConfig, lifecycle::Lifecycle};

/// With `--strict` Redis has this long to answer.
const STRICT_PATIENCE: Duration = Duration::from_secs(5);

/// A process that wants to be sure that jobs are kept can't be.
#[derive(Debug, thiserror::Error)]
pub enum DurabilityError {
    /// Nobody answered.
    #[error("--strict (REDIS_STRICT): Redis could not be asked within {} s whether it keeps jobs", STRICT_PATIENCE.as_secs())]
    Unasked(#[source] Option<UnavailableError>),
    /// It may lose jobs; the text says what to do.
    #[error("--strict (REDIS_STRICT): {0}")]
    Unsafe(String),
}

/// Warns when Redis, as soon as it answers, says that it may lose jobs. With `strict` it waits for that answer, and whatever would be
/// warned of is an error.
///
/// # Errors
///
/// With `strict` alone: when Redis does not answer in time, or may lose jobs.
pub async fn check_durability(
    redis: &RedisPool,
    config: DurabilityConfig,
    lifecycle: &Lifecycle,
) -> Result<(), DurabilityError> {
    if !config.strict {
        let (redis, leave) = (redis.clone(), lifecycle.drain().clone());
        lifecycle.tasks().spawn(async move {
            let findings = leave.run_until_cancelled(findings_once_it_answers(&redis)).await;
            for finding in findings.unwrap_or_default() {
                tracing::warn!("{finding}");
            }
        });
        return Ok(());
    }
    let asking = tokio::time::timeout(STRICT_PATIENCE, findings_once_it_answers(redis));
    match lifecycle.drain().run_until_cancelled(asking).await {
        Some(Err(_)) => Err(DurabilityError::Unasked(redis.ping().await.err())),
        Some(Ok(findings)) if !findings.is_empty() => Err(DurabilityError::Unsafe(findings.join("; "))),
        // All is well, or the process is asked to stop before it began.
        _ => Ok(()),
    }
}

async fn findings_once_it_answers(redis: &RedisPool) -> Vec<String> {
    loop {
        // Before the question, so that no replacement goes unseen.
        let replacement = redis.replacement();
        match ask(redis).await {
            Ok(findings) => return findings,
            Err(error) if error.is_of_connection() => replacement.await,
            Err(error) => {
                return vec![format!(
                    "Whether Redis keeps jobs can't be asked, allow INFO to its user: {}",
                    error.source
                )];
            }
        }
    }
}

async fn ask(redis: &RedisPool) -> Result<Vec<String>, UnavailableError> {
    let mut info = Pipeline::new();
    info.cmd("INFO").arg("memory").cmd("INFO").arg("persistence");
    let (memory, persistence) = redis.query_if_allowed::<(InfoDict, InfoDict)>(&info).await?;
    let mut findings = Vec::new();
    let policy: Option<String> = memory.get("maxmemory_policy");
    if let Some(policy) = policy.filter(|policy| policy != "noeviction") {
        findings.push(format!(
            "Redis may evict jobs when its memory is full: maxmemory-policy is {policy}, set it to noeviction"
        ));
    }
    if persistence.get("aof_enabled") != Some(1_u8) {
        match snapshots(redis).await {
            Ok(true) => {}
            Ok(false) => findings.push(
                "Redis keeps nothing on disk and loses every job when it restarts: set appendonly to yes (best), or save"
                    .to_owned(),
            ),
            Err(error) if error.is_of_connection() => return Err(error),
            Err(_) => findings.push(
                "Redis has no append-only file, and whether it makes snapshots can't be asked (CONFIG GET): set appendonly to yes"
                    .to_owned(),
            ),
        }
    }
    Ok(findings)
}

/// Whether it makes snapshots by itself.
async fn snapshots(redis: &RedisPool) -> Result<bool, UnavailableError> {
    let mut save = Pipeline::new();
    save.cmd("CONFIG").arg("GET").arg("save");
    let (settings,) = redis.query_if_allowed::<(HashMap<String, String>,)>(&save).await?;
    Ok(settings.get("save").is_some_and(|times| !times.trim().is_empty()))
}

#[cfg(test)]
#[cfg(feature = "testing")]
mod tests {
    use super::*;
    use crate::{config::RedisConfig, testing::TestRedis};

    const STRICT: DurabilityConfig = DurabilityConfig { strict: true };

    async fn config_set(redis: &TestRedis, name: &str, value: &str) {
        let mut set = redis::Cmd::new();
        set.arg(&["CONFIG", "SET", name, value]).exec_async(&mut redis.patient_pool().connection()).await.unwrap();
    }

    #[tokio::test]
    async fn what_may_lose_jobs_is_named_with_its_remedy() {
        let redis = TestRedis::start().await.unwrap();
        let pool = redis.patient_pool();
        let found = ask(&pool).await.unwrap();
        assert!(found.len() == 1 && found[0].contains("appendonly"), "{found:?}");
        config_set(&redis, "maxmemory-policy", "allkeys-lru").await;
        let found = ask(&pool).await.unwrap().join("\n");
        assert!(
            found.contains("allkeys-lru") && found.contains("noeviction") && found.contains("appendonly"),
            "{found}"
        );
        config_set(&redis, "save", "3600 1").await;
        config_set(&redis, "maxmemory-policy", "noeviction").await;
        assert_eq!(ask(&pool).await.unwrap(), Vec::<String>::new());
    }

    #[tokio::test]
    async fn an_append_only_file_is_enough() {
        let redis = TestRedis::with_append_only("everysec").await.unwrap();
        assert_eq!(ask(&redis.patient_pool()).await.unwrap(), Vec::<String>::new());
        check_durability(&redis.patient_pool(), STRICT, &Lifecycle::new()).await.unwrap();
    }

    #[tokio::test]
    async fn strict_refuses_and_the_others_go_on() {
        let redis = TestRedis::start().await.unwrap();
        let lifecycle = Lifecycle::new();
        let error = check_durability(&redis.patient_pool(), STRICT, &lifecycle).await.unwrap_err().to_string();
        assert!(error.contains("REDIS_STRICT") && error.contains("appendonly") && !error.contains('\n'), "{error}");
        check_durability(&redis.patient_pool(), DurabilityConfig { strict: false }, &lifecycle).await.unwrap();
        lifecycle.finish().await;
    }

    #[tokio::test]
    async fn without_a_redis_only_strict_is_an_error_and_the_question_ends_with_the_process() {
        let away = RedisConfig::new("redis://127.0.0.1:1".parse().unwrap(), "test");
        let (pool, lifecycle) = (RedisPool::new(&away).unwrap(), Lifecycle::new());
        let error = check_durability(&pool, STRICT, &lifecycle).await.unwrap_err();
        assert!(matches!(error, DurabilityError::Unasked(_)), "{error}");
        check_durability(&pool, DurabilityConfig { strict: false }, &lifecycle).await.unwrap();
        lifecycle.finish().await;
    }

    #[tokio::test]
    async fn a_user_who_may_not_ask_is_told_so() {
        let redis = TestRedis::start().await.unwrap();
        let mut user = redis::Cmd::new();
        user.arg(&["ACL", "SETUSER", "blind", "on", ">pw", "~*", "+@all", "-info"]);
        user.exec_async(&mut redis.patient_pool().connection()).await.unwrap();
        let url = format!("redis://blind:pw@127.0.0.1:{}", redis.port());
        let pool = RedisPool::new(&RedisConfig::new(url.parse().unwrap(), "test")).unwrap();
        let found = findings_once_it_answers(&pool).await;
        assert!(found.len() == 1 && found[0].contains("INFO"), "{found:?}");
    }
}
