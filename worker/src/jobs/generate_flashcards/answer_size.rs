//! How many tokens an answer needs: the cap of a call is reserved up front, so a cap that no answer comes near costs
//! other calls their turn.

use shared::job::{Language, kinds::GenerateFlashcards};

/// Tokens of a card beside its words: keys, topic, difficulty, pronunciation.
const FRAME: u32 = 45;
/// A term and its sentence in English, in tokens.
const ENGLISH: u32 = 20;
/// The same in another language with Latin letters.
const LATIN: u32 = 30;
/// The same in a script that vocabularies spell in bytes.
const UNKNOWN: u32 = 170;
/// The same in languages with other letters, about as `tokens::estimate` counts them.
const OTHERS: [(&str, u32); 28] = [
    ("ru", 42),
    ("be", 65),
    ("bg", 50),
    ("kk", 75),
    ("mk", 60),
    ("mn", 75),
    ("sr", 60),
    ("uk", 55),
    ("el", 80),
    ("he", 65),
    ("yi", 75),
    ("ar", 65),
    ("fa", 75),
    ("ur", 85),
    ("ps", 85),
    ("ckb", 85),
    ("hi", 85),
    ("mr", 95),
    ("ne", 95),
    ("sa", 95),
    ("bn", 110),
    ("as", 120),
    ("th", 80),
    ("zh", 45),
    ("yue", 55),
    ("ja", 55),
    ("ko", 60),
    ("en", ENGLISH),
];
/// Languages whose letters are listed above with none of their own, and cost their bytes.
const IN_BYTES: [&str; 22] = [
    "am", "bo", "dv", "dz", "gu", "hy", "iu", "ka", "km", "kn", "lo", "ml", "my", "or", "pa", "sat", "sd", "si", "ta",
    "te", "ti", "ug",
];
/// A translation is about a fourth as long as a term with its sentence.
const BACK: u32 = 4;

/// Tokens that an answer of `least` to `most` cards for the lesson has. Where these are far apart, few models write the most of
/// them: what is halfway, with a margin, is enough, but never less than the most as they usually are.
pub(super) fn answer_tokens(least: usize, most: usize, lesson: &GenerateFlashcards) -> u32 {
    let card = FRAME + words(&lesson.target_language) + words(&lesson.native_language) / BACK;
    of_cards(most, card).max(with_margin(of_cards(least.saturating_add(most), card) / 2))
}

/// The same where the languages are not known yet.
pub(super) fn usual_answer_tokens(cards: usize) -> u32 {
    with_margin(of_cards(cards, FRAME + LATIN + LATIN / BACK))
}

fn of_cards(cards: usize, card: u32) -> u32 {
    u32::try_from(cards).unwrap_or(u32::MAX).saturating_mul(card)
}

/// With a fifth more: the cards of some models are longer.
fn with_margin(tokens: u32) -> u32 {
    tokens.saturating_add(tokens / 5)
}

/// Tokens of a term and its sentence in a language.
fn words(language: &str) -> u32 {
    let Some(language) = Language::parse(language) else { return UNKNOWN };
    let tag = language.tag();
    let primary = tag.split('-').next().unwrap_or(tag);
    if tag.contains("-Latn") {
        return LATIN;
    }
    let known = OTHERS.iter().find(|(code, _)| *code == primary).map(|(_, tokens)| *tokens);
    known.unwrap_or(if IN_BYTES.contains(&primary) { UNKNOWN } else { LATIN })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::generate_flashcards::testing::lesson;
    use serde_json::json;

    /// A card whose texts are as long as those that models write.
    fn card(front: &str, back: &str, example: &str) -> String {
        json!({"front": front, "back": back, "topic": "Photosynthesis", "difficulty": "intermediate",
            "example": example, "pronunciation": "ˌfoʊtoʊˈsɪn"})
        .to_string()
    }

    fn real(text: &str) -> u32 {
        let count = |vocabulary: &tiktoken_rs::CoreBPE| vocabulary.encode_ordinary(text).len();
        let (older, newer) = (tiktoken_rs::cl100k_base_singleton(), tiktoken_rs::o200k_base_singleton());
        u32::try_from(count(older).max(count(newer))).unwrap()
    }

    #[test]
    fn an_answer_of_usual_cards_fits_in_every_script() {
        for (target, native, card) in [
            (
                "English",
                "German",
                card("chlorophyll", "das Blattgrün", "Chlorophyll gives every leaf its green colour."),
            ),
            (
                "German",
                "English",
                card("das Blattgrün", "chlorophyll", "Das Blattgrün gibt jedem Blatt seine grüne Farbe."),
            ),
            ("Russian", "English", card("хлорофилл", "chlorophyll", "Хлорофилл придаёт каждому листу зелёный цвет.")),
            ("Greek", "English", card("χλωροφύλλη", "chlorophyll", "Η χλωροφύλλη δίνει σε κάθε φύλλο πράσινο χρώμα.")),
            ("Japanese", "English", card("葉緑素", "chlorophyll", "葉緑素はすべての葉に緑色を与えます。")),
            ("Chinese", "English", card("叶绿素", "chlorophyll", "叶绿素使每片叶子呈现绿色。")),
            ("Thai", "English", card("คลอโรฟิลล์", "chlorophyll", "คลอโรฟิลล์ทำให้ใบไม้ทุกใบมีสีเขียว")),
            ("Hindi", "English", card("पर्णहरित", "chlorophyll", "पर्णहरित हर पत्ते को हरा रंग देता है।")),
            ("Tamil", "English", card("பச்சையம்", "chlorophyll", "பச்சையம் ஒவ்வொரு இலைக்கும் பச்சை நிறம் தருகிறது.")),
        ] {
            let lesson = GenerateFlashcards {
                target_language: target.to_owned(),
                native_language: native.to_owned(),
                ..lesson("Food")
            };
            for least in [10, 12] {
                let (cap, needed) = (answer_tokens(least, 12, &lesson), real(&card) * 12 + 10);
                assert!(cap >= needed && cap <= needed * 3, "{target}: {cap} for {needed}");
            }
        }
    }

    #[test]
    fn a_language_that_is_not_known_gets_room_for_any_script() {
        assert_eq!((words("Klingonese"), words("sr-Latn"), words("sr")), (UNKNOWN, LATIN, 60));
        assert!(usual_answer_tokens(12) < 1_350);
    }
}
