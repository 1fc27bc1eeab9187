//! The simulator over real sockets.

mod answers;
mod client;
mod control;
mod faults;
mod limits;
mod profiles;
