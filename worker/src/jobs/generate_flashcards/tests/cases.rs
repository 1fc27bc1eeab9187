//! Answers as models were seen to give them: `tests/cases`.

use std::{collections::HashSet, fs, path::Path};

use serde_json::Value;
use shared::job::kinds::Flashcard;

use super::{
    super::{
        answer::{self, Seen},
        card::CardRules,
        folding::{is_invisible, key},
        testing::{Asked, FakeJob, FakeModel, content, lesson},
    },
    *,
};

/// What the model wrote.
fn case(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cases").join(name);
    let case: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let answer = case.get("body").unwrap_or(&case);
    let written = answer["choices"][0]["message"]["content"].as_str();
    written.unwrap_or_else(|| panic!("{name} has no content")).to_owned()
}

/// A job whose every call is answered with `first`, and its calls.
async fn always(first: String) -> (Result<Vec<Flashcard>, String>, Vec<Asked>) {
    let (outcome, model) = attempt(FakeModel::new(move |_, _| Ok(first.clone())), &FakeJob::new(), &lesson("T")).await;
    (outcome.map(|result| result.flashcards).map_err(|error| error.to_string()), model.asked())
}

/// What no card may ever have.
fn assert_clean(cards: &[Flashcard], name: &str) {
    let keys: HashSet<String> = cards.iter().map(|card| key(&card.front)).collect();
    assert_eq!(keys.len(), cards.len(), "{name}: a front twice");
    for card in cards {
        assert!(card.example.contains(&card.front), "{name}: {card:?}");
        for field in [&card.front, &card.back, &card.topic, &card.example] {
            assert!(!field.chars().any(char::is_control), "{name}: {card:?}");
            assert!(!field.chars().all(is_invisible), "{name}: {card:?}");
        }
    }
}

#[tokio::test]
async fn good_cards_are_read_from_one_call_however_they_are_written() {
    for (name, count) in [
        ("apostrophe", 12),
        ("bidi", 12),
        ("fenced", 12),
        ("latex_invalid", 12),
        ("latex_valid", 12),
        ("nbsp", 12),
        ("tashkeel", 12),
        ("think", 12),
        ("usage_empty", 12),
        ("usage_input_output", 12),
        ("usage_nulls", 12),
        ("usage_partial", 12),
    ] {
        let (outcome, asked) = always(case(&format!("llm/{name}.json"))).await;
        let cards = outcome.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((cards.len(), asked.len()), (count, 1), "{name}");
        assert_clean(&cards, name);
    }
}

#[tokio::test]
async fn a_single_card_is_a_result_after_one_repair() {
    for name in ["bare-array", "fence", "think", "usage-empty", "usage-negative", "usage-no-total", "usage-null"] {
        let (outcome, asked) = always(case(&format!("upstreams/{name}-200.json"))).await;
        let fronts: Vec<String> = outcome.unwrap().into_iter().map(|card| card.front).collect();
        assert_eq!((fronts, asked.len()), (vec!["leaf".to_owned()], 2), "{name}");
    }
}

#[tokio::test]
async fn formulas_keep_their_backslashes() {
    let (outcome, _) = always(case("llm/latex_valid.json")).await;
    let fronts: Vec<String> = outcome.unwrap().into_iter().map(|card| card.front).collect();
    for front in [r"$\frac{1}{2}$", r"$\beta$", r"$\times$", r"$\nu$", r"$\rho$", r"$\theta$", r"$\text{mol}$"] {
        assert!(fronts.iter().any(|written| written == front), "{front} is not in {fronts:?}");
    }
    let (outcome, _) = always(case("llm/latex_invalid.json")).await;
    assert_eq!(outcome.unwrap().pop().unwrap().front, r"$\alpha$");
}

#[tokio::test]
async fn one_term_in_many_spellings_is_one_card() {
    let (outcome, asked) = always(case("llm/dups.json")).await;
    let cards = outcome.unwrap();
    assert_clean(&cards, "dups");
    let fronts: Vec<&str> = cards.iter().map(|card| card.front.as_str()).collect();
    assert_eq!((fronts, asked.len()), (vec!["l'eau", "pomme de terre", "bonjour", "merci"], 2));
}

#[tokio::test]
async fn cards_that_are_worth_nothing_are_named_and_repaired() {
    for (name, problem) in [
        ("invisible", "empty_field"),
        ("placeholder", "placeholder"),
        ("example_is_front", "example_is_front"),
        ("untranslated", "back_equals_front"),
    ] {
        let written = case(&format!("llm/{name}.json"));
        let (outcome, asked) = always(written.clone()).await;
        let error = outcome.unwrap_err();
        assert!(error.contains(&format!("{problem} ×24, too_few_cards ×10")), "{name}: {error}");
        assert_eq!(asked.len(), 2, "{name}");

        let repaired = FakeModel::new(move |model, asked| {
            let first = asked.message.get("problems").is_none();
            Ok(if first { written.clone() } else { content(&model.cards(asked)) })
        });
        let (outcome, model) = attempt(repaired, &FakeJob::new(), &lesson("T")).await;
        assert_eq!((outcome.unwrap().flashcards.len(), model.asked().len()), (10, 2), "{name}");
    }
}

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

#[test]
fn whatever_is_damaged_the_cards_that_are_left_are_clean_and_stay_as_they_are() {
    const PIECES: [&str; 24] = [
        "\\", "\"", "{", "}", "[", "]", ",", "\\f", "\\u000c", "\\ud83d", "\\alpha", "\u{200b}", "\u{a0}", "\u{301}",
        "\u{fe0f}", "\u{64e}", "\u{202b}", "’", "  ", "…", "\n", "\u{c}", "</think>", "},{",
    ];
    let rules = CardRules { topic: Some("T"), target_language: "French", native_language: "English" };
    let mut numbers = Numbers(7);
    let mut kept = 0;
    for name in ["apostrophe", "bidi", "dups", "latex_invalid", "latex_valid", "nbsp", "tashkeel", "think"] {
        let content: Vec<char> = case(&format!("llm/{name}.json")).chars().collect();
        for _ in 0..150 {
            let mut damaged = content.clone();
            for _ in 0..=numbers.below(6) {
                let at = numbers.below(damaged.len());
                let end = (at + numbers.below(4)).min(damaged.len());
                damaged.splice(at..end, PIECES[numbers.below(PIECES.len())].chars());
            }
            damaged.truncate(damaged.len() - numbers.below(2) * numbers.below(damaged.len()));
            let damaged: String = damaged.into_iter().collect();
            let (cards, _) = answer::read(&damaged, rules, &mut Seen::default());
            assert_clean(&cards, &damaged);
            for card in &cards {
                assert_eq!(rules.check(&serde_json::to_value(card).unwrap()).as_ref(), Ok(card), "{damaged:?}");
            }
            kept += cards.len();
        }
    }
    assert!(kept > 4_000, "{kept} cards of damaged answers");
}
