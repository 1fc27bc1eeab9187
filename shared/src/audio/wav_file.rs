//! The WAV file that the speech service takes: one channel of 16 kHz, 16 bit.

use bytes::Bytes;

/// Samples in a second.
pub(super) const RATE: usize = 16_000;

/// A file of these samples.
pub(super) fn file(samples: &[i16]) -> Bytes {
    let data = samples.len() * 2;
    let u32_of = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes();
    let mut file = Vec::with_capacity(44 + data);
    file.extend(b"RIFF");
    file.extend(u32_of(36 + data));
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    // PCM, one channel.
    file.extend([1, 0, 1, 0]);
    file.extend(u32_of(RATE));
    file.extend(u32_of(RATE * 2));
    // Bytes of a frame, bits of a sample.
    file.extend([2, 0, 16, 0]);
    file.extend(b"data");
    file.extend(u32_of(data));
    file.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    file.into()
}

/// How long so many samples are.
pub(super) fn duration_ms(samples: usize) -> u32 {
    u32::try_from(samples * 1_000 / RATE).unwrap_or(u32::MAX)
}
