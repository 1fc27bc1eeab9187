//! How jobs ended, as Redis has it.

use std::collections::{HashMap, HashSet};

use shared::redis::{Keys, RedisPool};

use super::{system::QUEUE, witness::Witness};

/// Jobs that are read with one request.
const AT_ONCE: usize = 1_000;

/// How the accepted jobs ended.
#[derive(Debug, Default)]
pub(super) struct Ends {
    pub(super) completed: usize,
    /// Dead letters, by id.
    pub(super) failed: Vec<DeadLetter>,
    /// Accepted, and not ended or not there.
    pub(super) lost: Vec<String>,
    /// Ended more than once, by the indexes or by what was announced.
    pub(super) twice: Vec<String>,
    /// Ends that nobody announced.
    pub(super) unannounced: usize,
    /// Jobs that ended without having been promised to anyone.
    pub(super) extra: usize,
    /// Attempts after the first one.
    pub(super) further_attempts: u64,
    /// When the last one ended, in ms since the Unix epoch.
    pub(super) last_ms: u64,
}

/// A job that did not end well.
#[derive(Debug)]
pub(super) struct DeadLetter {
    pub(super) id: String,
    pub(super) code: String,
    pub(super) attempts: u32,
}

type Fields = (Option<String>, Option<u32>, Option<u64>, Option<String>);

impl Ends {
    /// Reads how the jobs of these ids stand.
    pub(super) async fn read(pool: &RedisPool, keys: &Keys, ids: &[String], witness: &Witness) -> anyhow::Result<Self> {
        let mut read = redis::pipe();
        read.zrange(keys.done(QUEUE), 0, -1).zrange(keys.dead(QUEUE), 0, -1);
        let (done, dead): (Vec<String>, Vec<String>) = pool.query(&read).await?;
        let mut indexed: HashMap<&str, u32> = HashMap::new();
        for id in done.iter().chain(&dead) {
            *indexed.entry(id).or_default() += 1;
        }
        witness.catch_up(pool).await?;
        let announced = witness.ends();
        let mut ends = Self::default();
        for ids in ids.chunks(AT_ONCE) {
            let mut read = redis::pipe();
            for id in ids {
                read.hmget(keys.job(id.parse()?), &["state", "attempts", "ended", "code"]);
            }
            let jobs: Vec<Fields> = pool.query(&read).await?;
            for (id, job) in ids.iter().zip(jobs) {
                ends.add(id, job, indexed.get(id.as_str()).copied().unwrap_or(0));
            }
        }
        let promised: HashSet<&str> = ids.iter().map(String::as_str).collect();
        ends.extra = indexed.keys().filter(|id| !promised.contains(*id)).count();
        ends.twice.extend(announced.iter().filter(|(_, times)| **times > 1).map(|(id, _)| id.clone()));
        ends.unannounced = ids.iter().filter(|id| !announced.contains_key(*id)).count();
        Ok(ends)
    }

    fn add(&mut self, id: &str, (state, attempts, ended, code): Fields, indexed: u32) {
        match state.as_deref() {
            Some("completed") => self.completed += 1,
            Some("failed") => {
                let (id, code) = (id.to_owned(), code.unwrap_or_default());
                self.failed.push(DeadLetter { id, code, attempts: attempts.unwrap_or_default() });
            }
            _ => return self.lost.push(id.to_owned()),
        }
        match indexed {
            0 => self.lost.push(id.to_owned()),
            1 => {}
            _ => self.twice.push(id.to_owned()),
        }
        self.further_attempts += u64::from(attempts.unwrap_or(1).saturating_sub(1));
        self.last_ms = self.last_ms.max(ended.unwrap_or(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(state: &str, ended: u64) -> Fields {
        (Some(state.to_owned()), Some(3), Some(ended), Some("openai_refused".to_owned()))
    }

    #[test]
    fn a_job_is_lost_when_it_has_not_ended_or_no_index_knows_it() {
        let mut ends = Ends::default();
        ends.add("a", fields("completed", 5), 1);
        ends.add("b", fields("failed", 9), 1);
        ends.add("c", fields("active", 0), 0);
        ends.add("d", (None, None, None, None), 0);
        ends.add("e", fields("completed", 7), 0);
        ends.add("f", fields("completed", 7), 2);
        assert_eq!((ends.completed, ends.failed.len(), ends.further_attempts, ends.last_ms), (3, 1, 8, 9));
        assert_eq!(ends.lost, ["c", "d", "e"]);
        assert_eq!(ends.twice, ["f"]);
    }
}
