//! Lessons by number.

use shared::job::kinds::GenerateFlashcards;

/// A text of its own for every number, short enough for one call.
pub(super) fn lesson(number: u64) -> GenerateFlashcards {
    GenerateFlashcards {
        content: format!("Leaf {number} makes sugar from light, water and air. The root brings the water up."),
        subject: "Biology".to_owned(),
        topic: "Photosynthesis".to_owned(),
        native_language: "German".to_owned(),
        target_language: "English".to_owned(),
    }
}
