//! A result made of the reference text.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::request::Settings;

/// The service counts in 100 ns.
const TICKS_PER_MS: u64 = 10_000;
/// A word below this is said to be wrong.
const WRONG: u64 = 60;

/// The whole answer, in the flat shape of the REST API.
pub(super) fn body(settings: &Settings, duration_ms: u64) -> Value {
    let texts: Vec<&str> =
        settings.reference_text.split_whitespace().map(bare).filter(|word| !word.is_empty()).collect();
    let share = duration_ms / (texts.len() as u64).max(1);
    let words: Vec<Value> =
        texts.iter().enumerate().map(|(at, text)| word(text, at as u64 * share, share, settings.miscue())).collect();
    let scores: Vec<u64> = texts.iter().map(|text| score(text)).collect();
    let accuracy = scores.iter().sum::<u64>() / (scores.len() as u64).max(1);
    let fluency = 70 + number(&settings.reference_text, 1) % 31;
    let mut best = json!({
        "Confidence": 0.9, "Lexical": texts.join(" ").to_lowercase(), "ITN": settings.reference_text,
        "MaskedITN": settings.reference_text, "Display": settings.reference_text,
        "AccuracyScore": accuracy, "FluencyScore": fluency, "CompletenessScore": 100,
        "PronScore": (accuracy * 3 + fluency) / 4, "Words": words,
    });
    if settings.prosody() {
        best["ProsodyScore"] = json!(70 + number(&settings.reference_text, 2) % 31);
    }
    json!({"RecognitionStatus": "Success", "Offset": 0, "Duration": duration_ms * TICKS_PER_MS,
        "DisplayText": settings.reference_text, "NBest": [best]})
}

fn word(text: &str, offset_ms: u64, share_ms: u64, miscue: bool) -> Value {
    let score = score(text);
    let sounds: Vec<char> = text.chars().filter(|letter| letter.is_alphanumeric()).collect();
    let each = share_ms / (sounds.len() as u64).max(1);
    let phonemes: Vec<Value> = sounds
        .iter()
        .enumerate()
        .map(|(at, sound)| {
            json!({"Phoneme": sound.to_lowercase().to_string(), "AccuracyScore": score,
                "Offset": (offset_ms + at as u64 * each) * TICKS_PER_MS, "Duration": each * TICKS_PER_MS})
        })
        .collect();
    let error = if miscue && score < WRONG { "Mispronunciation" } else { "None" };
    json!({"Word": text.to_lowercase(), "AccuracyScore": score, "ErrorType": error, "Offset": offset_ms * TICKS_PER_MS,
        "Duration": share_ms * TICKS_PER_MS, "Phonemes": phonemes})
}

/// From 55 to 100, of the word alone.
fn score(text: &str) -> u64 {
    55 + number(&text.to_lowercase(), 0) % 46
}

fn bare(word: &str) -> &str {
    word.trim_matches(|letter: char| !letter.is_alphanumeric())
}

/// A number that only the text decides.
fn number(text: &str, which: u8) -> u64 {
    let digest = Sha256::new().chain_update([which]).chain_update(text).finalize();
    digest.iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
}
