//! Recordings that are made on the spot.

use std::f64::consts::TAU;

const RATE: u32 = 16_000;

/// A WAV of a tone, another one for each number: nobody speaks, but there is something to hear.
#[must_use]
pub fn tone(number: u32, milliseconds: u32) -> Vec<u8> {
    let samples = RATE * milliseconds / 1_000;
    let pitch = 200.0 + f64::from(number);
    let bytes = samples * 2;
    let mut wav = Vec::new();
    wav.extend(b"RIFF");
    wav.extend((36 + bytes).to_le_bytes());
    wav.extend(b"WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00");
    wav.extend(RATE.to_le_bytes());
    wav.extend((RATE * 2).to_le_bytes());
    wav.extend(b"\x02\x00\x10\x00data");
    wav.extend(bytes.to_le_bytes());
    for sample in 0..samples {
        let height = (TAU * pitch * f64::from(sample) / f64::from(RATE)).sin() * 8_000.0;
        #[expect(clippy::cast_possible_truncation, reason = "a sine of that height fits")]
        wav.extend((height as i16).to_le_bytes());
    }
    wav
}
