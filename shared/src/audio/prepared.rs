//! A recording as the speech service takes it.

use std::fmt;

use bytes::Bytes;

/// How a prepared recording is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentType {
    /// One channel of 16 kHz, 16 bit.
    Wav,
    /// Opus, which the service decodes itself.
    OggOpus,
}

impl ContentType {
    /// The value of the header `Content-Type`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wav => "audio/wav; codecs=audio/pcm; samplerate=16000",
            Self::OggOpus => "audio/ogg; codecs=opus",
        }
    }
}

/// A recording as the speech service takes it. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Prepared {
    /// The whole file.
    pub bytes: Bytes,
    /// What it is.
    pub content_type: ContentType,
    /// How long it is.
    pub duration_ms: u32,
}

impl fmt::Debug for Prepared {
    /// Without the recording.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared")
            .field("bytes", &self.bytes.len())
            .field("content_type", &self.content_type)
            .field("duration_ms", &self.duration_ms)
            .finish()
    }
}
