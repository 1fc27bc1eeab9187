//! The scripts and the worker against a real Redis. Each test has a server of its own.

mod fixture;
mod lifecycle;
mod robustness;
mod time;
mod worker;
