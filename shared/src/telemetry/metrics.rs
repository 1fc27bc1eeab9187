//! Every metric, by name: what `/metrics` of a process shows, and nothing else. `docs/METRICS.md` has the same table.

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sort {
    /// Only grows, from the start of the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by size, up to each of these bounds.
    Histogram(&'static [f64]),
}

/// Where a metric is shown, and whose figure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// By api and workers, each of itself.
    Everywhere,
    /// By each api process, of itself.
    Api,
    /// By each worker process, of itself.
    Worker,
    /// By each api process, of the whole fleet: read from Redis, and the same at every replica.
    Fleet,
}

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metric {
    /// Its name, with its unit where it has one.
    pub name: &'static str,
    /// What it is.
    pub sort: Sort,
    /// Names of its labels. None of them holds an id, a user or anything else that has no end.
    pub labels: &'static [&'static str],
    /// Where it is shown.
    pub shown: Shown,
    /// What it says, without a full stop.
    pub help: &'static str,
}

/// Seconds of a request or a call to an upstream.
const OF_REQUESTS: &[f64] = &[0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0];
/// Seconds of a wait.
const OF_WAITS: &[f64] = &[0.005, 0.05, 0.25, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1_800.0];
/// Seconds of an exchange with Redis.
const OF_REDIS: &[f64] = &[0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.5, 1.5];

macro_rules! metrics {
    ($($constant:ident: $sort:expr, $name:literal, [$($label:literal),*], $shown:ident, $help:literal;)*) => {
        $(
            #[doc = $help]
            pub const $constant: Metric =
                Metric { name: $name, sort: $sort, labels: &[$($label),*], shown: Shown::$shown, help: $help };
        )*

        /// All of them, in the order of the document.
        pub const ALL: &[Metric] = &[$($constant),*];
    };
}

use Sort::{Counter, Gauge, Histogram};

metrics! {
    BUILD_INFO: Gauge, "unilingo_build_info", ["service", "version"], Everywhere, "Always 1: which program this is";
    CPU_SECONDS: Counter, "process_cpu_seconds_total", [], Everywhere, "Processor time that this process has used";
    CPU_CORES: Gauge, "unilingo_process_cpu_cores", [], Everywhere, "Cores that this process may use, and has threads for";
    MEMORY: Gauge, "process_resident_memory_bytes", [], Everywhere, "Memory that this process holds";
    MEMORY_LIMIT: Gauge, "unilingo_process_memory_limit_bytes", [], Everywhere,
        "Memory that this process may hold: its container's limit, or the machine's memory";
    OPEN_FDS: Gauge, "process_open_fds", [], Everywhere, "File descriptors that this process has open";
    START_TIME: Gauge, "process_start_time_seconds", [], Everywhere, "When this process started, since the Unix epoch";
    REDIS_UP: Gauge, "unilingo_redis_up", [], Everywhere, "1 when Redis answers this process and takes writes, else 0";
    REDIS_SECONDS: Histogram(OF_REDIS), "unilingo_redis_duration_seconds", ["call"], Everywhere,
        "Time until Redis has answered this process, by what it was sent: `script` or `commands`";
    REDIS_FAILURES: Counter, "unilingo_redis_failures_total", [], Everywhere,
        "Exchanges with Redis without an answer that can be used";
    REDIS_SCRIPT_SECONDS: Counter, "unilingo_redis_script_seconds_total", ["script"], Everywhere,
        "Time until Redis has answered the scripts of this process, by script (`queue/take`; see docs/scripts)";
    REDIS_SCRIPT_FAILURES: Counter, "unilingo_redis_script_failures_total", ["script"], Everywhere,
        "Scripts of this process without an answer that can be used, by script";

    HTTP_REQUESTS: Counter, "unilingo_http_requests_total", ["route", "method", "status"], Api,
        "Answered requests, by pattern of the path (`none`: no path of ours), method and class of the status (`2xx`)";
    HTTP_SECONDS: Histogram(OF_REQUESTS), "unilingo_http_request_duration_seconds", ["route", "method"], Api,
        "Time until an answer began; requests that were held for a job are among them";
    REFUSALS: Counter, "unilingo_refusals_total", ["reason"], Api,
        "Requests that were refused for a limit, a budget or want of room, by the code of the error";
    STREAMS: Gauge, "unilingo_event_streams", [], Api, "Event streams that are open at this process";

    SLOTS: Gauge, "unilingo_worker_slots", [], Worker, "Jobs that this worker can run at once";
    RUNNING: Gauge, "unilingo_worker_jobs", [], Worker, "Jobs that this worker runs now";
    TAKES: Counter, "unilingo_takes_total", ["answer"], Worker,
        "Questions for jobs, by answer: `jobs`, `empty` (none waits), `permit` (jobs wait, and no limit lets one go), `unannounced`, `unproven` (a worker was lost a short time ago, and this one has not finished a job yet)";
    JOB_WAIT: Histogram(OF_WAITS), "unilingo_job_wait_seconds", [], Worker,
        "Time from the acceptance of a job to its first start, by the clocks of api and worker";
    PERMIT_WAIT: Histogram(OF_WAITS), "unilingo_permit_wait_seconds", [], Worker,
        "Time that this worker had free slots and jobs waited, until a limit let the next one go";
    ATTEMPTS: Counter, "unilingo_attempts_total", ["outcome"], Worker,
        "Settled attempts at jobs: `complete`, `retry`, `snooze` (put off, uses none), `fail` (a dead letter), `cancel`";
    CALL_SECONDS: Histogram(OF_REQUESTS), "unilingo_upstream_duration_seconds", ["provider", "outcome"], Worker,
        "Time of calls to an upstream, by outcome: `ok`, `rejected`, `limited` (429), `refused` (for itself, or not known), `failed`, `blocked` (account or key)";
    CALLS_UNSENT: Counter, "unilingo_upstream_unsent_total", ["provider"], Worker,
        "Calls that were not sent: no permit came in time, or no connection";
    TOKENS: Counter, "unilingo_upstream_tokens_total", ["provider", "direction"], Worker,
        "Tokens of calls as the provider counted them: `prompt` and `answer`";
    COST: Counter, "unilingo_upstream_cost_dollars_total", ["provider"], Worker,
        "What calls cost: by the answer where it says so, else by `OPENAI_PRICES`; calls that timed out are not counted";

    QUEUE_JOBS: Gauge, "unilingo_queue_jobs", ["queue", "state"], Fleet,
        "Jobs by state: `waiting` (for a worker, or for the same work of another job), `active`, `delayed`, `dead` (dead letters)";
    QUEUE_WAITING: Gauge, "unilingo_queue_waiting_jobs", ["queue", "class"], Fleet,
        "Jobs in line for a worker, by class";
    QUEUE_OLDEST: Gauge, "unilingo_queue_oldest_age_seconds", ["queue", "class"], Fleet,
        "Age of the oldest of the ten jobs that are next in a class; 0 where none waits";
    QUEUE_ENDED: Gauge, "unilingo_queue_ended_lately", ["queue"], Fleet,
        "Jobs that ended within the last 60 seconds, however";
    QUEUE_PAUSED: Gauge, "unilingo_queue_paused", ["queue"], Fleet, "1 while an operator has paused the queue";
    DEAD_MAX: Gauge, "unilingo_queue_dead_letters_max", [], Fleet,
        "Dead letters of a queue beyond which the oldest make room";
    WORKERS: Gauge, "unilingo_fleet_workers", ["queue"], Fleet, "Live worker processes";
    WORKERS_LOST: Gauge, "unilingo_fleet_workers_lost", ["queue"], Fleet,
        "Workers that were lost within the last ten minutes while they had jobs";
    SUSPECTS: Gauge, "unilingo_queue_suspect_jobs", ["queue"], Fleet,
        "Jobs whose worker was lost, which wait for one that has proven itself";
    FLEET_SLOTS: Gauge, "unilingo_fleet_slots", ["queue", "state"], Fleet,
        "Slots of live workers: `busy` (as each said within ten seconds) and `free`";
    WINDOW_LIMIT: Gauge, "unilingo_window_limit", ["group", "limit"], Fleet,
        "Limits in force: `rpm`, `rps`, `tpm`, `concurrency`; 0 is none. None is shown while no worker has announced any";
    WINDOW_USED: Gauge, "unilingo_window_used", ["group", "limit"], Fleet,
        "What of `rpm`, `tpm` and `concurrency` is used in the window now";
    LIMITS_DIFFER: Gauge, "unilingo_limits_differ", ["group"], Fleet,
        "1 while live workers announce different limits: the lowest counts";
    UPSTREAM_PAUSED: Gauge, "unilingo_upstream_paused", ["group"], Fleet,
        "1 while no call goes since the upstream asked for a pause";
    PERMITS_WITHHELD: Gauge, "unilingo_permits_withheld_until_timestamp_seconds", ["group", "reason"], Fleet,
        "Until when no permit is given, whatever the limits are, since Redis is new (`new_redis`), or was restarted, replaced or its clock has stepped (`redis_recovery`); 0: permits are given";
    BREAKER: Gauge, "unilingo_breaker_state", ["provider", "state"], Fleet,
        "1 for the state of the circuit breaker: `closed`, `open` or `half_open`";
    MISCONFIGURED: Gauge, "unilingo_openai_misconfigured", [], Fleet,
        "1 while no OpenAI call works until a person corrects a setting: the model, the address, the key or a parameter";
    MODEL_SHUTDOWN: Gauge, "unilingo_model_shutdown_timestamp_seconds", ["group"], Fleet,
        "When the provider shuts the model down, as it says; 0 where it says nothing";
    CALLS: Counter, "unilingo_fleet_upstream_calls_total", ["provider", "result"], Fleet,
        "Calls to an upstream since the fleet began to count, those of workers that have gone included: `ok` or `error`";
    CALL_MEAN: Gauge, "unilingo_fleet_upstream_call_seconds", ["provider"], Fleet,
        "Time of a call that went well, as a moving mean of about the last 64";
    SPENT_TOKENS: Gauge, "unilingo_budget_spent_tokens", [], Fleet, "Tokens that the fleet has used this month";
    SPENT_DOLLARS: Gauge, "unilingo_budget_spent_dollars", [], Fleet, "What the fleet has spent this month";
    LIMIT_DOLLARS: Gauge, "unilingo_budget_limit_dollars", [], Fleet, "What the fleet may spend in a month; 0 is no limit";
    KILLED: Gauge, "unilingo_budget_killed", [], Fleet, "1 while the kill switch of the budget is thrown";
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// The lines of the document's table: name, sort, labels, where, what.
    fn documented() -> Vec<[String; 5]> {
        let lines = include_str!("../../../docs/METRICS.md").lines();
        let rows = lines.filter(|line| line.starts_with("| `unilingo_") || line.starts_with("| `process_"));
        rows.map(|row| {
            let cells: Vec<_> = row.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
            cells.try_into().unwrap_or_else(|cells| panic!("not five cells: {cells:?}"))
        })
        .collect()
    }

    fn row(metric: &Metric) -> [String; 5] {
        let sort = match metric.sort {
            Counter => "counter",
            Gauge => "gauge",
            Histogram(_) => "histogram",
        };
        let shown = match metric.shown {
            Shown::Everywhere => "api, workers",
            Shown::Api => "api",
            Shown::Worker => "workers",
            Shown::Fleet => "api, of the fleet",
        };
        let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let labels = if labels.is_empty() { "–".to_owned() } else { labels.join(", ") };
        [format!("`{}`", metric.name), sort.to_owned(), labels, shown.to_owned(), metric.help.to_owned()]
    }

    #[test]
    fn the_document_has_the_same_table() {
        let ours: Vec<_> = ALL.iter().map(row).collect();
        let table: Vec<_> = ours.iter().map(|cells| format!("| {} |", cells.join(" | "))).collect();
        assert_eq!(documented(), ours, "the table of docs/METRICS.md should be:\n{}", table.join("\n"));
    }

    #[test]
    fn names_are_unique_and_say_what_they_are() {
        let names: HashSet<_> = ALL.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), ALL.len());
        for metric in ALL {
            assert_eq!(metric.name.ends_with("_total"), metric.sort == Counter, "{}", metric.name);
            assert!(!metric.help.ends_with('.') && !metric.help.contains('|'), "{}", metric.name);
        }
    }
}
