//! The fragment and its model, and what operators do, on a real Redis.

mod against_model;
mod fixture;
mod limits;
mod model;
mod operator;
mod periods;
