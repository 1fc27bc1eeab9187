//! Answers that are not good enough.

use shared::job::Decision;

use super::{
    super::testing::{Asked, FakeJob, FakeModel, TOKENS, content, lesson},
    *,
};

/// Breaks the last `count` cards of every answer.
fn breaking(count: usize) -> FakeModel {
    FakeModel::new(move |model, asked| {
        let mut cards = model.cards(asked);
        let good = cards.len().saturating_sub(count);
        for card in &mut cards[good..] {
            card.example = "Kein Wort davon.".to_owned();
        }
        Ok(content(&cards))
    })
}

fn is_repair(asked: &Asked) -> bool {
    asked.message.get("problems").is_some()
}

#[tokio::test]
async fn what_is_missing_is_asked_for_once() {
    let job = FakeJob::new();
    let (outcome, model) = attempt(
        FakeModel::new(|model, asked| {
            let mut cards = model.cards(asked);
            if !is_repair(asked) {
                cards[0].example = "Kein Wort davon.".to_owned();
                cards[1].back = String::new();
                cards[2].front = cards[3].front.clone();
                cards[2].example = cards[3].example.clone();
            }
            Ok(content(&cards))
        }),
        &job,
        &lesson("Food"),
    )
    .await;
    let result = outcome.unwrap();
    assert_eq!((result.flashcards.len(), result.token_usage), (10, 2 * TOKENS));
    let repair = &model.asked()[1];
    assert!(repair.id.ends_with(".1.2"));
    assert_eq!(repair.number("min_cards"), Some(3));
    assert_eq!(repair.list("avoid_fronts").len(), 7);
    let problems = repair.list("problems").join("\n");
    for part in ["example must contain", "no field may be empty", "front must be new", "too few good cards"] {
        assert!(problems.contains(part), "{part} in {problems}");
    }
    assert_eq!(*job.progress.lock().unwrap(), [50, 99]);
}

#[tokio::test]
async fn cards_that_are_always_invalid_cost_two_calls_an_attempt() {
    let mut job = FakeJob::new();
    for number in 1..=3 {
        let (outcome, model) = attempt(breaking(100), &job, &lesson("Food")).await;
        let error = outcome.unwrap_err();
        assert_eq!((error.code(), error.decision()), ("invalid_cards", Decision::Retry));
        assert!(error.message().contains("example_lacks_front ×20, too_few_cards ×10. None"), "{error}");
        let asked = model.asked();
        assert_eq!(asked.iter().map(is_repair).collect::<Vec<_>>(), [false, true], "attempt {number}");
        assert!(asked[1].id.ends_with(&format!(".{number}.2")));
        job.again();
    }
    let progress = job.progress.lock().unwrap().clone();
    assert!(progress.is_sorted(), "{progress:?}");
    let result = attempt(FakeModel::obedient(), &job, &lesson("Food")).await.0.unwrap();
    assert_eq!(result.token_usage, 7 * TOKENS);
}

#[tokio::test]
async fn fewer_cards_than_asked_for_are_a_result_after_one_repair() {
    let job = FakeJob::new();
    // 6 of 10, then 0 of 4.
    let (outcome, model) = attempt(breaking(4), &job, &lesson("Food")).await;
    let result = outcome.unwrap();
    assert_eq!((result.flashcards.len(), result.requested, result.returned), (6, Some(10), Some(6)));
    assert_eq!((model.asked().len(), model.asked()[1].number("min_cards")), (2, Some(4)));
    assert_eq!(*job.progress.lock().unwrap(), [50, 99]);
}

#[tokio::test]
async fn a_part_without_cards_does_not_cost_those_of_the_others() {
    let model = FakeModel::new(|model, asked| {
        // The second part's calls.
        let broken = (2..=3).contains(&model.asked().len());
        Ok(if broken { "Nein.".to_owned() } else { content(&model.cards(asked)) })
    });
    let mut job = FakeJob::new();
    let (outcome, model) = attempt(model, &job, &long_lesson("Food", 4)).await;
    let result = outcome.unwrap();
    assert!(result.returned < result.requested, "{:?} of {:?}", result.returned, result.requested);
    assert_eq!((model.asked().len(), result.returned), (5, u32::try_from(result.flashcards.len()).ok()));
    // An attempt after that one, whose result was lost, buys nothing again.
    job.again();
    let (outcome, model) = attempt(FakeModel::obedient(), &job, &long_lesson("Food", 4)).await;
    assert_eq!((outcome.unwrap(), model.asked().len()), (result, 0));
}

#[tokio::test]
async fn fewer_topics_than_asked_for_are_a_result() {
    let model = FakeModel::new(|model, asked| {
        let mut cards = model.cards(asked);
        for (i, card) in cards.iter_mut().enumerate() {
            card.topic = ["Blatt", "Licht"][i % 2].to_owned();
        }
        Ok(content(&cards))
    });
    let (outcome, model) = attempt(model, &FakeJob::new(), &lesson("AI Selection")).await;
    let topics: std::collections::HashSet<String> =
        outcome.unwrap().flashcards.into_iter().map(|card| card.topic).collect();
    assert_eq!((topics.len(), model.asked().len()), (2, 2));
}

#[tokio::test]
async fn what_is_not_json_is_repaired() {
    let model = FakeModel::new(|model, asked| {
        if is_repair(asked) { Ok(content(&model.cards(asked))) } else { Ok("Gern! Hier sind Karten:".to_owned()) }
    });
    let (outcome, model) = attempt(model, &FakeJob::new(), &lesson("Food")).await;
    assert_eq!(outcome.unwrap().flashcards.len(), 10);
    assert!(model.asked()[1].list("problems")[0].contains("not JSON"));

    let never = FakeModel::new(|_, _| Ok("Nein.".to_owned()));
    let error = attempt(never, &FakeJob::new(), &lesson("Food")).await.0.unwrap_err();
    assert!(error.message().contains("not_json ×2"), "{error}");
}

#[tokio::test]
async fn a_topic_that_is_too_small_is_filled() {
    let model = FakeModel::new(|model, asked| {
        let mut cards = model.cards(asked);
        for (i, card) in cards.iter_mut().enumerate() {
            let first = ["Blatt", "Licht", "Zucker"][(i / 6).min(2)];
            card.topic = if is_repair(asked) { "Zucker" } else { first }.to_owned();
        }
        Ok(content(&cards))
    });
    let (outcome, model) = attempt(model, &FakeJob::new(), &lesson("AI Selection")).await;
    assert_eq!(outcome.unwrap().flashcards.len(), 20);
    let repair = &model.asked()[1];
    assert_eq!((repair.number("min_topics"), repair.number("min_cards")), (Some(1), Some(5)));
    assert!(repair.list("problems").contains(&"the topic \"Zucker\" has only 3 so far"));
}

#[tokio::test]
async fn the_message_of_a_failure_holds_nothing_of_the_text() {
    let error = attempt(breaking(100), &FakeJob::new(), &lesson("Geheimnis")).await.0.unwrap_err();
    for word in ["Geheimnis", "Blatt", "Wort", "Kein"] {
        assert!(!error.message().contains(word), "{error}");
    }
}
