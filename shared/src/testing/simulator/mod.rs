//! The upstream simulator: a server that speaks OpenAI's chat completions API, and Azure Speech's (`speech/`).
//!
//! It answers with flashcards made of the words of the text that it is given, always the same for the same request. It
//! enforces rate limits exactly, fails on command, and keeps a log of every call, by which tests and benches judge our
//! own limiter. What upstream does is under `/v1`, what steers the simulator under `/_sim`.
//!
//! With a [`ProviderProfile`] it is one provider: its path and key, the parameters that it accepts, how it words errors,
//! what `usage` says and what it charges ([`Bill`]).
//!
//! A call passes, in this order: authorization and syntax; a fault that refuses at the door ([`Fault::at_the_door`]);
//! the rate limit; the gate ([`RunningSimulator::hold`]); the latency; then any other fault, or the answer. Only calls
//! that the rate limit let in count in its window.

mod api_error;
mod arrivals;
mod bill;
mod chat;
mod completion;
mod config;
mod control;
mod fault_answer;
mod faults;
mod lesson;
mod limits;
mod profile;
mod rate_headers;
mod request;
mod router;
mod running;
mod speech;
mod state;
mod stats;
mod stream;
mod strict_schema;
#[cfg(test)]
mod tests;

pub use arrivals::Arrival;
pub use bill::Bill;
pub use config::{ConfigPatch, SimulatorConfig};
pub use faults::{Fault, FaultRule};
pub use profile::ProviderProfile;
pub use running::{RunningSimulator, Simulator};
pub use speech::SpeechStats;
pub use stats::{JobCalls, Stats, fullest_window};
