//! The whole fleet at one look: what `/metrics` shows of it, and what scaling is decided by. Reading it changes nothing, and
//! costs Redis a few short scripts, however much waits.

mod look;
mod page;

pub use look::{Fleet, Look, ServiceLook};
