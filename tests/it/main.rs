//! Tests across parts: backends side by side, and real processes with a real Redis and the upstream simulator.

#![expect(clippy::unwrap_used, reason = "all of it is tests, of which clippy knows the `#[test]` functions alone")]

mod alerts;
mod app_wire;
mod autoscale;
mod chaos;
mod conformance;
mod crashes;
mod deployment;
mod documented_commands;
mod end_to_end;
mod failing_jobs;
mod harness;
mod held_requests;
mod identity;
mod job_events;
mod metrics;
mod misconfiguration;
mod money;
mod monitoring;
mod one_limit;
mod openai_parameters;
mod operator;
mod operator_looks;
mod output_cap;
mod poison;
mod probe_killed;
mod pronunciation;
mod redis_away;
mod redis_keys;
mod redis_tls;
mod redis_trouble;
mod refused_alone;
mod refused_jobs;
mod request_limits;
mod requeue;
mod rolling_deploy;
mod scaling_guide;
mod scaling_script;
mod shared_work;
mod suspects;
mod tidy;
mod token_overuse;
mod upstream_faults;
mod users;
mod workers;
