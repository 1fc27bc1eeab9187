//! Why a recording can't be used.

use super::MAX_SECONDS;
use crate::job::JobError;

/// Why a recording can't be used; the text says what to do. None of it holds anything of the recording.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AudioError {
    /// There are no bytes, or no sound in them.
    #[error("The recording is empty. Record again and hold the button while you speak.")]
    Empty,
    /// None of the known containers.
    #[error("This is not a recording of a known format. Send WAV, M4A (AAC), MP3, FLAC, OGG or WebM (Opus).")]
    Unknown,
    /// The container is known, and what is in it can't be read.
    #[error("The recording is damaged or was cut off. Record it again.")]
    Corrupt,
    /// More than [`MAX_SECONDS`].
    #[error("The recording is longer than {MAX_SECONDS} seconds. Record a shorter one, or split the text.")]
    TooLong,
    /// Nothing can be heard.
    #[error("Nothing can be heard in the recording. Check the microphone and speak louder.")]
    Silent,
    /// The container is known, and what is in it is encoded in a way that is not.
    #[error("The recording is encoded as {0}, which is not supported. Record AAC-LC (M4A), MP3, FLAC, Opus or WAV.")]
    Unsupported(&'static str),
}

impl AudioError {
    /// The stable code, in `snake_case`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "audio_empty",
            Self::Unknown => "audio_format_unknown",
            Self::Corrupt => "audio_corrupt",
            Self::TooLong => "audio_too_long",
            Self::Silent => "audio_silent",
            Self::Unsupported(_) => "audio_codec_unsupported",
        }
    }
}

impl From<AudioError> for JobError {
    /// No attempt makes a recording better.
    fn from(error: AudioError) -> Self {
        Self::fail(error.code(), error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_code_of_its_own_and_says_what_to_do() {
        let all = [
            AudioError::Empty,
            AudioError::Unknown,
            AudioError::Corrupt,
            AudioError::TooLong,
            AudioError::Silent,
            AudioError::Unsupported("HE-AAC"),
        ];
        let codes: std::collections::HashSet<_> = all.iter().map(AudioError::code).collect();
        assert_eq!(codes.len(), all.len());
        for error in all {
            assert!(error.code().starts_with("audio_"));
            assert!(["Record", "Send", "Check"].iter().any(|verb| error.to_string().contains(verb)), "{error}");
        }
    }
}
