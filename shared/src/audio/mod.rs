//! Recordings: what container one is in, and how it becomes what the speech service takes.
//!
//! A container is told by its bytes alone: phones and browsers label their recordings as they please. [`prepare()`] decodes one,
//! mixes it to one channel and resamples it to 16 kHz; Opus goes on as it is. It trusts nothing that a file says about
//! itself: what is decoded ends at [`MAX_SECONDS`], whatever the header claims.

mod container;
#[cfg(feature = "audio")]
mod decode;
mod error;
#[cfg(feature = "audio")]
mod mp4_tables;
#[cfg(feature = "audio")]
pub(crate) mod ogg_opus;
#[cfg(feature = "audio")]
mod prepare;
mod prepared;
#[cfg(feature = "audio")]
mod resample;
#[cfg(feature = "audio")]
mod sink;
#[cfg(test)]
#[cfg(feature = "audio")]
mod tests;
#[cfg(feature = "audio")]
mod wav_file;
#[cfg(feature = "audio")]
mod wav_samples;

pub use container::Container;
pub use error::AudioError;
#[cfg(feature = "audio")]
pub use prepare::prepare;
pub use prepared::{ContentType, Prepared};

/// Longest recording that the speech service assesses, in seconds.
pub const MAX_SECONDS: u32 = 30;
