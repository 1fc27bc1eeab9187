//! Flashcards as people read them.

use std::fmt::Write;

use shared::job::kinds::Flashcard;
use unilingo::output::plain;

/// A list: term and translation in columns, and below them the topic and the example.
pub(super) fn list(cards: &[Flashcard]) -> String {
    let rows: Vec<[String; 2]> = cards.iter().map(|card| [plain(&card.front), plain(&card.back)]).collect();
    let [fronts, backs] = [0, 1].map(|column| rows.iter().map(|row| width(&row[column])).max().unwrap_or(0));
    let mut text = String::new();
    for (index, (card, [front, back])) in cards.iter().zip(&rows).enumerate() {
        let (number, level) = (index + 1, card.difficulty.as_str());
        let (topic, example) = (plain(&card.topic), plain(&card.example));
        // Writing to a string does not fail.
        let _ = writeln!(text, "{number:3}  {front:fronts$}  {back:backs$}  {level}");
        let _ = writeln!(text, "     {topic}: “{example}”");
    }
    text
}

fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use shared::job::kinds::Difficulty;

    use super::*;

    #[test]
    fn terms_and_translations_stand_in_columns() {
        let card = |front: &str, back: &str, difficulty| Flashcard {
            front: front.to_owned(),
            back: back.to_owned(),
            topic: "Photosynthesis".to_owned(),
            difficulty,
            example: format!("Here is {front}."),
            pronunciation: None,
        };
        let cards =
            [card("leaf", "das Blatt", Difficulty::Beginner), card("chlorophyll", "das Blattgrün", Difficulty::Expert)];
        let expected = "  1  leaf         das Blatt      beginner\n     \
                        Photosynthesis: “Here is leaf.”\n  \
                        2  chlorophyll  das Blattgrün  expert\n     \
                        Photosynthesis: “Here is chlorophyll.”\n";
        assert_eq!(list(&cards), expected);
    }
}
