//! Attempts after one that broke off.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::{
    super::testing::{FakeJob, FakeModel, TOKENS, content},
    *,
};

/// Obedient, but the call with this number, from 1, fails.
fn failing_at(call: usize) -> FakeModel {
    let calls = AtomicUsize::new(0);
    FakeModel::new(move |model, asked| {
        if calls.fetch_add(1, Relaxed) + 1 == call {
            return Err(JobError::retry("openai_timeout", "late"));
        }
        Ok(content(&model.cards(asked)))
    })
}

/// Obedient, with terms that the first attempt's model does not use.
fn another() -> FakeModel {
    FakeModel::new(|model, asked| Ok(content(&model.cards(asked)).replace("Wort", "Neu")))
}

async fn broken_off(lesson: &GenerateFlashcards) -> FakeJob {
    let mut job = FakeJob::new();
    let (outcome, model) = attempt(failing_at(3), &job, lesson).await;
    assert_eq!(outcome.unwrap_err().code(), "openai_timeout");
    assert_eq!(model.asked().len(), 3);
    job.again();
    job
}

#[tokio::test]
async fn only_the_missing_calls_are_made() {
    for topic in ["Food", "AI Selection"] {
        let lesson = long_lesson(topic, 5);
        let job = broken_off(&lesson).await;
        let (outcome, model) = attempt(another(), &job, &lesson).await;
        let result = outcome.unwrap();
        let ids: Vec<String> = model.asked().iter().map(|asked| asked.id[36..].to_owned()).collect();
        assert_eq!(ids, [".2.1", ".2.2", ".2.3"]);
        assert_eq!(result.token_usage, 5 * TOKENS);
        for word in ["Wort", "Neu"] {
            assert!(result.flashcards.iter().any(|card| card.front.starts_with(word)), "{word}");
        }
        assert_eq!(*job.progress.lock().unwrap(), [20, 40, 60, 80, 99]);
        assert!(!model.asked()[0].list("avoid_fronts").is_empty());
    }
}

#[tokio::test]
async fn a_crash_before_a_repair_costs_no_second_first_call() {
    let lesson = long_lesson("Food", 1);
    let mut job = FakeJob::new();
    let short = FakeModel::new(|model, asked| {
        if asked.message.get("problems").is_some() {
            return Err(JobError::retry("openai_timeout", "late"));
        }
        Ok(content(&model.cards(asked)[..7]))
    });
    let (_, model) = attempt(short, &job, &lesson).await;
    assert_eq!(model.asked().len(), 2);
    job.again();
    let (outcome, model) = attempt(another(), &job, &lesson).await;
    let result = outcome.unwrap();
    assert_eq!((result.flashcards.len(), result.token_usage), (10, 2 * TOKENS));
    let asked = model.asked();
    assert_eq!((asked.len(), asked[0].number("min_cards")), (1, Some(3)));
    assert!(asked[0].list("problems")[0].contains("count: 3"));
}

#[tokio::test]
async fn a_corrupt_record_is_bought_again() {
    let lesson = long_lesson("Food", 5);
    let job = broken_off(&lesson).await;
    for record in job.records.lock().unwrap().values_mut().take(1) {
        record.truncate(record.len() / 2);
    }
    let (outcome, model) = attempt(another(), &job, &lesson).await;
    assert_eq!(outcome.unwrap().token_usage, 5 * TOKENS);
    assert_eq!(model.asked().len(), 4);
    // Also of a part that comes later in the text the fronts are avoided.
    assert!(model.asked()[0].list("avoid_fronts").iter().all(|front| front.starts_with("Wort")));
}

#[tokio::test]
async fn records_of_another_cut_are_not_mixed_in() {
    let lesson = long_lesson("Food", 5);
    let job = broken_off(&lesson).await;
    let limits = CallLimits { chunk_tokens: CHUNK_TOKENS * 5 / 6, ..LIMITS };
    let (outcome, model) = attempt_within(limits, another(), &job, &lesson).await;
    let result = outcome.unwrap();
    assert!(result.flashcards.iter().all(|card| card.front.starts_with("Neu")));
    assert_eq!(
        model.asked().len(),
        crate::jobs::generate_flashcards::chunk::split(&lesson.content, limits.chunk_tokens).len()
    );
}

#[tokio::test]
async fn records_that_are_complete_and_yet_no_result_are_bought_again() {
    let lesson = long_lesson("AI Selection", 2);
    let mut job = FakeJob::new();
    assert!(attempt(FakeModel::obedient(), &job, &lesson).await.0.is_ok());
    for record in job.records.lock().unwrap().values_mut() {
        let mut json: serde_json::Value = serde_json::from_str(record).unwrap();
        (json["cards"], json["short"]) = (serde_json::json!([]), true.into());
        *record = json.to_string();
    }
    job.again();
    let (outcome, model) = attempt(another(), &job, &lesson).await;
    assert_eq!((outcome.unwrap().token_usage, model.asked().len()), (4 * TOKENS, 2));
}

#[tokio::test]
async fn redis_that_goes_away_costs_no_finished_work() {
    let lesson = long_lesson("Food", 3);
    let job = FakeJob::losing_redis_after(2);
    assert!(attempt(FakeModel::obedient(), &job, &lesson).await.0.is_ok(), "the last call's cards are the result");
    let job = FakeJob::losing_redis_after(1);
    let (outcome, model) = attempt(FakeModel::obedient(), &job, &lesson).await;
    assert_eq!((outcome.unwrap_err().code(), model.asked().len()), ("redis_unavailable", 2));
}
