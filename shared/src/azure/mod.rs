//! The client of Azure Speech's pronunciation assessment, over its REST API for short audio.
//!
//! One [`Azure::ask`] is one HTTP request, whatever comes back: the queue is the only layer that retries.
//! [`Azure::assess`] makes it under a permit and tells the fleet how it ended. What went wrong is an [`AzureError`], and its
//! `From` says what becomes of the job. That nobody could be heard is no error: it is a [`Heard::NoSpeech`] for the learner.
//!
//! <https://learn.microsoft.com/azure/ai-services/speech-service/rest-speech-to-text-short>

mod answer;
mod assessment;
mod client;
mod decision;
mod ending;
mod error;
mod question;
#[cfg(all(test, feature = "testing"))]
mod tests;

pub use assessment::{Assessment, ErrorType, Heard, NoSpeech, Phoneme, Word};
pub use client::Azure;
pub use error::AzureError;
pub use question::Question;
