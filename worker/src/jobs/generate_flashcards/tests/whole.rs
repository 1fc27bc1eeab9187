//! Attempts that go well from the start.

use std::collections::{HashMap, HashSet};

use serde_json::json;
use shared::job::Decision;

use super::{
    super::testing::{FakeJob, FakeModel, TOKENS, card, content, lesson},
    *,
};

#[tokio::test]
async fn a_short_text_is_one_call() {
    let job = FakeJob::new();
    let (outcome, model) = attempt(FakeModel::obedient(), &job, &lesson("Food")).await;
    let result = outcome.unwrap();
    assert_eq!((result.flashcards.len(), result.token_usage), (10, TOKENS));
    assert!(result.flashcards.iter().all(|card| card.topic == "Food"));
    let asked = model.asked();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].id.ends_with(".1.1") && asked[0].id.len() == 36 + 4, "{}", asked[0].id);
    assert_eq!((asked[0].number("min_topics"), asked[0].message.get("problems")), (None, None));
    assert_eq!(*job.progress.lock().unwrap(), [99]);
}

#[tokio::test]
async fn the_result_is_what_the_app_reads() {
    let model = FakeModel::new(|_, _| {
        let mut cards: Vec<_> = (0..10).map(|i| card(&format!("w{i}"), "Food")).collect();
        cards[1].pronunciation = Some("wʌn".to_owned());
        Ok(content(&cards))
    });
    let result = attempt(model, &FakeJob::new(), &lesson("Food")).await.0.unwrap();
    let json = serde_json::to_value(&result).unwrap();
    assert_eq!((&json["success"], &json["tokenUsage"]), (&json!(true), &json!(TOKENS)));
    assert_eq!((&json["requested"], &json["returned"]), (&json!(10), &json!(10)));
    assert_eq!(
        json["flashcards"][0],
        json!({"front": "w0", "back": "what \"w0\" means", "topic": "Food", "difficulty": "beginner",
               "example": "Hier steht w0 im Satz."})
    );
    assert_eq!(json["flashcards"][1]["pronunciation"], "wʌn");
}

#[tokio::test]
async fn every_part_is_asked_and_told_what_exists() {
    let job = FakeJob::new();
    let (outcome, model) = attempt(FakeModel::obedient(), &job, &long_lesson("Food", 5)).await;
    let result = outcome.unwrap();
    assert!((10..=40).contains(&result.flashcards.len()));
    assert_eq!(result.token_usage, 5 * TOKENS);
    let asked = model.asked();
    assert_eq!(asked.len(), 5);
    let mut known = 0;
    for (call, asked) in asked.iter().enumerate() {
        assert!(asked.id.ends_with(&format!(".1.{}", call + 1)));
        assert_eq!(asked.list("avoid_fronts").len(), known);
        known += asked.number("min_cards").unwrap();
    }
    assert_eq!(*job.progress.lock().unwrap(), [20, 40, 60, 80, 99]);
}

#[tokio::test]
async fn found_topics_keep_their_bounds_whatever_the_number_of_parts() {
    for parts in [1, 2, 3, 5, 8, 9, 12, 23, 40] {
        let outcome = attempt(FakeModel::obedient(), &FakeJob::new(), &long_lesson("AI Selection", parts)).await.0;
        let cards = outcome.unwrap_or_else(|error| panic!("{parts} parts: {error}")).flashcards;
        let mut topics: HashMap<&str, usize> = HashMap::new();
        for card in &cards {
            *topics.entry(&card.topic).or_default() += 1;
        }
        assert!(cards.len() <= 40 && (3..=8).contains(&topics.len()), "{parts} parts: {topics:?}");
        assert!(topics.values().all(|size| *size >= 5), "{parts} parts: {topics:?}");
    }
}

#[tokio::test]
async fn parts_that_name_the_same_topics_still_come_to_three() {
    for parts in [2, 4, 8, 12] {
        let model = FakeModel::new(|model, asked| {
            let mut cards = model.cards(asked);
            for (i, card) in cards.iter_mut().enumerate().filter(|_| asked.number("min_topics").is_some()) {
                card.topic = ["One", "Two", "Three"][i % asked.number("min_topics").unwrap()].to_owned();
            }
            Ok(content(&cards))
        });
        let cards = attempt(model, &FakeJob::new(), &long_lesson("AI Selection", parts)).await.0.unwrap().flashcards;
        let topics: HashSet<&str> = cards.iter().map(|card| card.topic.as_str()).collect();
        assert_eq!(topics, HashSet::from(["One", "Two", "Three"]), "{parts} parts");
    }
}

#[tokio::test]
async fn a_call_that_could_never_fit_is_not_made() {
    let limits = CallLimits { tokens_per_minute: 1_500, ..LIMITS };
    let (outcome, model) = attempt_within(limits, FakeModel::obedient(), &FakeJob::new(), &lesson("Food")).await;
    let error = outcome.unwrap_err();
    assert_eq!((error.code(), error.decision()), ("call_exceeds_token_limit", Decision::Fail));
    assert_eq!(model.asked().len(), 0);
}

#[tokio::test]
async fn what_is_merely_helpful_gives_way_to_the_limit() {
    let lesson = long_lesson("Food", 4);
    // Every call has the same cap. The smallest limit that the bare calls fit.
    let same = CallLimits { reasoning: None, ..LIMITS };
    let (mut low, mut high) = (4_096, 100_000);
    while low < high {
        let limits = CallLimits { tokens_per_minute: low + (high - low) / 2, ..same };
        let (outcome, _) = attempt_within(limits, FakeModel::obedient(), &FakeJob::new(), &lesson).await;
        if outcome.is_ok() { high = limits.tokens_per_minute } else { low = limits.tokens_per_minute + 1 }
    }
    let limits = CallLimits { tokens_per_minute: low, ..same };
    let (outcome, model) = attempt_within(limits, FakeModel::obedient(), &FakeJob::new(), &lesson).await;
    assert!(outcome.is_ok());
    assert_eq!(model.asked().last().unwrap().list("avoid_fronts").len(), 0);
}

#[tokio::test]
async fn a_text_without_words_is_no_lesson() {
    for content in [" …\n".to_owned(), image()] {
        let empty = GenerateFlashcards { content, ..lesson("Food") };
        let (outcome, model) = attempt(FakeModel::obedient(), &FakeJob::new(), &empty).await;
        assert_eq!(outcome.unwrap_err().code(), "empty_content");
        assert_eq!(model.asked().len(), 0);
    }
}

#[tokio::test]
async fn an_image_that_was_pasted_with_a_text_costs_nothing() {
    let text = lesson("Food").content;
    let pasted = GenerateFlashcards { content: format!("{text}\n{}", image()), ..lesson("Food") };
    let (outcome, model) = attempt(FakeModel::obedient(), &FakeJob::new(), &pasted).await;
    assert_eq!((outcome.unwrap().token_usage, model.asked().len()), (TOKENS, 1));
    assert_eq!(model.asked()[0].message["text"], text);
}

/// An image of 110 kB, as a browser pastes it.
fn image() -> String {
    format!("data:image/png;base64,{}", "iVBORw0KGgoAAAANSUhEUgAA/8+".repeat(4_000))
}
