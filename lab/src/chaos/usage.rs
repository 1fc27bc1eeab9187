//! What a process has used: time on a core, and lines in its log.

use std::io::{BufRead, BufReader};

use anyhow::Context;

use super::fleet::Fleet;

/// What one process has used since it was started.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Usage {
    pub(super) name: String,
    /// Seconds on a core, where the system tells it in `/proc`.
    pub(super) cpu_seconds: f64,
    pub(super) log_lines: u64,
}

impl Usage {
    /// What each process of a fleet has used so far.
    pub(super) fn of(fleet: &Fleet) -> anyhow::Result<Vec<Self>> {
        let usage = fleet.members.iter().map(|member| {
            let log = BufReader::new(std::fs::File::open(member.process.log())?);
            let log_lines = log.split(b'\n').count() as u64;
            let stat = match member.process.pid() {
                Some(pid) => std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default(),
                None => String::new(),
            };
            let cpu_seconds = cpu_seconds(&stat).with_context(|| format!("{}: no processor time", member.name));
            Ok(Self { name: member.name.clone(), cpu_seconds: cpu_seconds.unwrap_or(0.0), log_lines })
        });
        usage.collect()
    }

    /// What was used since `before`.
    pub(super) fn since(&self, before: &Self) -> Self {
        Self {
            name: self.name.clone(),
            cpu_seconds: self.cpu_seconds - before.cpu_seconds,
            log_lines: self.log_lines.saturating_sub(before.log_lines),
        }
    }
}

/// The time that a line of `/proc/<pid>/stat` counts, in user mode and in the kernel.
fn cpu_seconds(stat: &str) -> Option<f64> {
    // The name in parentheses may hold anything; the fields behind it are numbers.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let (user, kernel): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    #[expect(clippy::cast_precision_loss, reason = "ticks of one process")]
    Some((user + kernel) as f64 / rustix::param::clock_ticks_per_second() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_time_behind_any_name() {
        let ticks = rustix::param::clock_ticks_per_second();
        let stat = format!("7 (a) b (c) S 1 7 7 0 -1 4194304 100 0 0 0 {} {} 0 0 20 0", 3 * ticks, ticks);
        assert!((cpu_seconds(&stat).unwrap() - 4.0).abs() < 1e-9);
        assert_eq!(cpu_seconds(""), None);
    }
}
