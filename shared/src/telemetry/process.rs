//! What this process uses, and what it may use.

use std::{
    sync::{LazyLock, Mutex, PoisonError},
    thread::available_parallelism,
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};
use tokio::{runtime::Handle, time::Instant};

use super::{
    metrics::{BUILD_INFO, CPU_CORES, CPU_SECONDS, MEMORY, MEMORY_LIMIT, OPEN_FDS, START_TIME},
    page::{Gauges, Page},
};
use crate::clock;

/// When this process started, nearly: the first look at it.
static STARTED_MS: LazyLock<u64> = LazyLock::new(clock::unix_ms);

/// Where a container's limit of memory stands: of cgroups of version 2, and of version 1.
const MEMORY_LIMITS: [&str; 2] = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];

/// Remembers when the process started. The first call counts.
pub(super) fn remember_start() {
    LazyLock::force(&STARTED_MS);
}

/// Processor time that this process has used.
#[must_use]
pub fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Cores that this process may use: those of its container where that has a limit.
#[must_use]
pub fn cores() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// Of these, those that threads of this process's runtime can fill at once.
fn cores_at_work() -> usize {
    Handle::try_current().map_or_else(|_| cores(), |runtime| runtime.metrics().num_workers().min(cores()))
}

/// How busy a process is can be told of no shorter time: what its start costs would be taken for its load.
const MEASURED_AT_LEAST: Duration = Duration::from_secs(1);

/// Measures how busy this process is.
#[derive(Debug)]
pub struct CpuMeter(Mutex<(Instant, Duration)>);

impl CpuMeter {
    /// Measures from now on.
    #[must_use]
    pub fn start() -> Self {
        Self(Mutex::new((Instant::now(), cpu_time())))
    }

    /// Processor time that was used since the last look that could tell, in percent of what may be used; `None` within a second
    /// of it.
    pub fn percent(&self) -> Option<u32> {
        let now = (Instant::now(), cpu_time());
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = now.0 - last.0;
        if passed < MEASURED_AT_LEAST {
            return None;
        }
        let used = now.1.saturating_sub(last.1).as_millis() * 100;
        *last = now;
        u32::try_from((used / (passed.as_millis() * cores_at_work() as u128)).min(100)).ok()
    }

    /// Processor time that was used since the last look.
    pub fn used(&self) -> Duration {
        let now = (Instant::now(), cpu_time());
        let last = std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), now);
        now.1.saturating_sub(last.1)
    }
}

/// Shows what every process shows of itself; `service` names the program. What the system does not tell is left out.
pub fn show_process(page: &mut Page, service: &'static str) {
    let build = Gauges::new(&BUILD_INFO);
    build.set([service.into(), env!("CARGO_PKG_VERSION").into()], 1.0);
    build.show(page);
    page.counter(&CPU_SECONDS, cpu_time().as_secs_f64());
    page.gauge(&CPU_CORES, float(cores_at_work()));
    page.gauge(&START_TIME, Duration::from_millis(*STARTED_MS).as_secs_f64());
    for (metric, number) in
        [(&MEMORY, resident_bytes()), (&MEMORY_LIMIT, memory_limit()), (&OPEN_FDS, open_descriptors())]
    {
        if let Some(number) = number {
            page.gauge(metric, number);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people, far below 2^52")]
const fn float(number: usize) -> f64 {
    number as f64
}

fn resident_bytes() -> Option<f64> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    Some(pages.split(' ').nth(1)?.parse::<f64>().ok()? * float(rustix::param::page_size()))
}

fn open_descriptors() -> Option<f64> {
    // One of them is that of the look itself.
    std::fs::read_dir("/proc/self/fd").ok().map(|entries| float(entries.count().saturating_sub(1)))
}

fn memory_limit() -> Option<f64> {
    let limits = MEMORY_LIMITS.iter().filter_map(|path| std::fs::read_to_string(path).ok()?.trim().parse::<f64>().ok());
    let machine = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| machine_bytes(&text));
    limits.chain(machine).reduce(f64::min)
}

/// `MemTotal:       24576000 kB`
fn machine_bytes(meminfo: &str) -> Option<f64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()? * 1_024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_memory_of_the_machine() {
        assert_eq!(machine_bytes("MemTotal:       2 kB\nMemFree: 1 kB\n"), Some(2_048.0));
        assert_eq!(machine_bytes("MemFree: 1 kB\n"), None);
    }

    #[test]
    fn how_busy_a_process_is_can_not_be_told_of_a_moment() {
        assert_eq!(CpuMeter::start().percent(), None);
        let meter = CpuMeter(Mutex::new((Instant::now() - MEASURED_AT_LEAST, Duration::ZERO)));
        assert!(meter.percent().is_some_and(|percent| percent <= 100));
        assert_eq!(meter.percent(), None, "it begins anew");
    }

    #[test]
    fn a_process_shows_itself() {
        let mut page = Page::default();
        show_process(&mut page, "test");
        let text = page.text();
        assert!(text.contains("unilingo_build_info{service=\"test\",version="), "{text}");
        for name in ["process_cpu_seconds_total ", "unilingo_process_cpu_cores ", "process_start_time_seconds "] {
            assert!(text.lines().any(|line| line.starts_with(name)), "{name} in {text}");
        }
    }
}
