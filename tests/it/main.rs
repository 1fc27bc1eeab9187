//! Tests across parts: backends side by side, and real processes with a real Redis and the upstream simulator.

#![expect(clippy::unwrap_used, reason = "all of it is tests, of which clippy knows the `#[test]` functions alone")]

mod app_wire;
mod autoscale;
mod chaos;
mod conformance;
mod crashes;
mod end_to_end;
mod harness;
mod identity;
mod job_events;
mod metrics;
mod monitoring;
mod one_limit;
mod operator;
mod redis_away;
mod redis_keys;
mod redis_tls;
mod redis_trouble;
mod request_limits;
mod rolling_deploy;
mod shared_work;
mod tidy;
mod upstream_faults;
mod users;
mod workers;
