//! Recordings of every format. `tests/audio/make.sh` says how they were made.

mod bombs;
mod damaged;
mod formats;
mod wav;

use super::{AudioError, ContentType, Prepared, prepare};

/// A short sentence, spoken by espeak-ng.
const FLAC: &[u8] = include_bytes!("../../../../tests/audio/speech.flac");
const M4A: &[u8] = include_bytes!("../../../../tests/audio/speech.m4a");
const FRAGMENTED: &[u8] = include_bytes!("../../../../tests/audio/fragmented.mp4");
const AAC: &[u8] = include_bytes!("../../../../tests/audio/speech.aac");
const MP3: &[u8] = include_bytes!("../../../../tests/audio/speech.mp3");
const VORBIS: &[u8] = include_bytes!("../../../../tests/audio/vorbis.ogg");
const OPUS: &[u8] = include_bytes!("../../../../tests/audio/opus.ogg");
const WEBM: &[u8] = include_bytes!("../../../../tests/audio/speech.webm");
const LIVE: &[u8] = include_bytes!("../../../../tests/audio/live.webm");
const HOUR: &[u8] = include_bytes!("../../../../tests/audio/hour-of-silence.flac");

/// The samples of a prepared WAV, whose header is checked.
fn samples(prepared: &Prepared) -> Vec<i16> {
    assert_eq!(prepared.content_type, ContentType::Wav);
    let (head, data) = prepared.bytes.split_at(44);
    let number = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().unwrap()) as usize;
    assert_eq!((&head[..4], &head[8..16], &head[36..40]), (&b"RIFF"[..], &b"WAVEfmt "[..], &b"data"[..]));
    assert_eq!(
        (number(4), number(16), number(24), number(28), number(40)),
        (36 + data.len(), 16, 16_000, 32_000, data.len())
    );
    assert_eq!((&head[20..24], &head[32..36]), (&[1, 0, 1, 0][..], &[2, 0, 16, 0][..]));
    data.chunks(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}

/// How alike two recordings are, 1 being the same, where one may be up to 100 ms later.
fn likeness(one: &[i16], other: &[i16]) -> f64 {
    let part: Vec<f64> = one[8_000..14_000].iter().map(|sample| f64::from(*sample)).collect();
    let power = |samples: &[f64]| samples.iter().map(|sample| sample * sample).sum::<f64>().sqrt();
    (7_900..9_600)
        .map(|from| {
            let shifted: Vec<f64> = other[from..from + part.len()].iter().map(|sample| f64::from(*sample)).collect();
            let product: f64 = part.iter().zip(&shifted).map(|(a, b)| a * b).sum();
            product / (power(&part) * power(&shifted))
        })
        .fold(0.0, f64::max)
}
