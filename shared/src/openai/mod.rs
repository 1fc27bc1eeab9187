//! The client of the OpenAI-compatible chat completions API.
//!
//! One [`OpenAi::chat`] is one HTTP request, whatever comes back: the queue is the only layer that retries. What went
//! wrong is an [`OpenAiError`], and its `From` says what becomes of the job.
//!
//! A call is sent with the parameters that its model and server accept (`parameters`): one that was refused
//! is dropped or replaced for the whole fleet.
//!
//! <https://platform.openai.com/docs/api-reference/chat>

mod answer;
mod client;
mod decision;
mod ending;
mod endpoint;
mod error;
mod error_body;
mod error_in_answer;
mod exchange;
mod misconfiguration;
mod model_finding;
mod parameters;
mod rate_headers;
mod refusal;
mod request;
#[cfg(test)]
mod tests;
mod usage;

pub use crate::http_call::Door;
pub use answer::ChatAnswer;
pub use client::OpenAi;
pub use error::OpenAiError;
pub use misconfiguration::{Fault, Misconfiguration};
pub use model_finding::{ModelCheck, ModelFinding, model_finding};
pub use parameters::{LearnedParameters, ParameterStore, forget_parameters, learned_parameters, reasoning_tokens};
pub use rate_headers::{RateHeaders, RateWindow};
pub use request::ChatRequest;
pub use usage::Usage;
