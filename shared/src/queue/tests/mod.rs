//! The scripts and the worker against a real Redis. Each test has a server of its own.

mod against_model;
mod cancel;
mod figures;
mod fixture;
mod follow;
mod intake;
mod lifecycle;
mod limited;
mod limits;
mod list;
mod memory_full;
mod model;
mod outage_model;
mod recording;
mod requeue;
mod robustness;
mod running;
mod sharing;
mod suspects_model;
mod time;
mod users;
mod worker;
