//! What is left in Redis when every job has ended: nothing that was held, and no key that would stay.

use std::collections::BTreeSet;

use shared::redis::{Keys, RedisPool};

/// The list of keys, with how long each lives.
const DOCUMENT: &str = include_str!("../../../docs/REDIS_KEYS.md");
/// How the life of a key begins that stays without a time to live.
const STAYING: [&str; 6] =
    ["fixed", "an index", "trimmed", "until they are unset", "until it closes", "until an operator"];
/// Indexes that hold a job only while it has not ended.
const OF_UNFINISHED: [&str; 5] = ["waiting", "scheduled", "leases", "deadlines", "inflight"];

/// What Redis holds.
#[derive(Debug, Default)]
pub(crate) struct Leftovers {
    /// Members of indexes that hold unfinished jobs alone, such as `leases:ai-jobs 3`.
    pub(crate) unfinished: Vec<String>,
    /// What the budget still holds for jobs, in tokens and micro-dollars.
    pub(crate) held: i64,
    /// Keys without a time to live that are not documented as such.
    pub(crate) staying: Vec<String>,
}

impl Leftovers {
    /// Looks at every key.
    pub(crate) async fn read(pool: &RedisPool, keys: &Keys) -> anyhow::Result<Self> {
        let documented = documented();
        let mut left = Self::default();
        let mut cursor = Some(0);
        while let Some(from) = cursor {
            let (next, found) = scan(pool, from).await?;
            left.add(pool, keys, &documented, &found).await?;
            cursor = next;
        }
        Ok(left)
    }

    async fn add(
        &mut self,
        pool: &RedisPool,
        keys: &Keys,
        documented: &BTreeSet<&str>,
        found: &[String],
    ) -> anyhow::Result<()> {
        if found.is_empty() {
            return Ok(());
        }
        let mut read = redis::pipe();
        for key in found {
            read.cmd("PTTL").arg(key);
        }
        let lives: Vec<i64> = pool.query(&read).await?;
        for (key, life) in found.iter().zip(lives) {
            let name = key.strip_prefix(keys.root()).and_then(|key| key.strip_prefix(':')).unwrap_or(key);
            let family = name.split(':').next().unwrap_or_default();
            if life == -1 && !documented.contains(family) {
                self.staying.push(name.to_owned());
            }
            if OF_UNFINISHED.contains(&family) {
                let mut count = redis::pipe();
                count.zcard(key);
                let (members,): (u64,) = pool.query(&count).await?;
                self.unfinished.push(format!("{name} {members}"));
            }
            if family == "spend" {
                let mut held = redis::pipe();
                held.hmget(key, &["held_tokens", "held_micros"]);
                let ((tokens, micros),): ((Option<i64>, Option<i64>),) = pool.query(&held).await?;
                self.held += tokens.unwrap_or(0).abs() + micros.unwrap_or(0).abs();
            }
        }
        Ok(())
    }
}

/// Lets the time to live of every job that has ended pass at once. A job without one stays.
pub(super) async fn expire_jobs(pool: &RedisPool, keys: &Keys) -> anyhow::Result<()> {
    let families = ["job", "checkpoints", "attempts", "result", "repeat", "content"]
        .map(|family| format!("{}:{family}:", keys.root()));
    let mut cursor = Some(0);
    while let Some(from) = cursor {
        let (next, found) = scan(pool, from).await?;
        cursor = next;
        let ours: Vec<&String> =
            found.iter().filter(|key| families.iter().any(|family| key.starts_with(family))).collect();
        let (mut left, mut expire) = (redis::pipe(), redis::pipe());
        for key in &ours {
            left.pttl(key);
        }
        // Not by `PEXPIRE … XX`, which Redis 6.2 does not know.
        let left: Vec<i64> = if ours.is_empty() { Vec::new() } else { pool.query(&left).await? };
        for (key, _) in ours.iter().zip(left).filter(|(_, left)| *left >= 0) {
            expire.pexpire(key, 0).ignore();
        }
        if !expire.is_empty() {
            pool.query::<()>(&expire).await?;
        }
    }
    Ok(())
}

/// Some keys, and where to go on.
async fn scan(pool: &RedisPool, from: u64) -> anyhow::Result<(Option<u64>, Vec<String>)> {
    let mut scan = redis::pipe();
    scan.cmd("SCAN").arg(from).arg("COUNT").arg(1_000);
    let ((next, found),): ((u64, Vec<String>),) = pool.query(&scan).await?;
    Ok(((next != 0).then_some(next), found))
}

/// The families of keys that may stay without a time to live, by the document.
fn documented() -> BTreeSet<&'static str> {
    let rows = DOCUMENT.lines().filter_map(|line| line.strip_prefix("| `{prefix}:"));
    let staying = rows.filter_map(|row| {
        let family = row.split([':', '`']).next()?;
        let life = row.split(" | ").nth(4)?;
        STAYING.iter().any(|start| life.starts_with(start)).then_some(family)
    });
    staying.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_says_which_keys_stay() {
        let staying = documented();
        for family in
            ["waiting", "wake", "scheduled", "leases", "deadlines", "done", "dead", "order", "shares", "epoch"]
        {
            assert!(staying.contains(family), "{family} of {staying:?}");
        }
        for family in ["job", "checkpoints", "attempts", "spend", "permits", "reserved", "limiter", "take", "announced"]
        {
            assert!(!staying.contains(family), "{family} of {staying:?}");
        }
    }
}
