//! Texts to make cards of.

use serde_json::{Value, json};

/// The body of a request for `content`.
pub(crate) fn lesson(content: &str) -> Value {
    json!({
        "content": content, "subject": "Biology", "topic": "Photosynthesis", "userId": "ada",
        "nativeLanguage": "German", "targetLanguage": "English",
    })
}

/// A text of its own for each `number`, of about 100 tokens a paragraph.
pub(crate) fn chapter(number: usize, paragraphs: usize) -> String {
    const SENTENCES: [&str; 5] = [
        "Sunlight gives the leaf its energy",
        "Water rises from the root to the leaf",
        "Chlorophyll catches the light in the chloroplast",
        "The cell turns carbon dioxide into glucose",
        "Oxygen leaves the plant through tiny openings",
    ];
    let mut text = String::new();
    for paragraph in 0..paragraphs {
        for (place, sentence) in SENTENCES.iter().enumerate() {
            let word = word(number * 1_000 + paragraph * 10 + place);
            text.extend([sentence, ", and ", &word, " helps with ", &word.to_uppercase(), ". "]);
        }
        text.push('\n');
    }
    text
}

/// A made-up word for every number.
fn word(mut number: usize) -> String {
    let mut word = String::from("zel");
    for _ in 0..5 {
        word.push(b"bcdfghklmnprstvz"[number % 16] as char);
        word.push(b"aeiou"[number / 16 % 5] as char);
        number /= 80;
    }
    word
}
