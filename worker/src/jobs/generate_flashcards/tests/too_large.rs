//! Calls that the provider does not accept at their size.

use shared::job::{Decision, JobError};

use super::{
    super::testing::{Asked, FakeJob, FakeModel, content, lesson},
    *,
};

/// A model that accepts texts of so many characters.
fn accepting(most: usize) -> FakeModel {
    FakeModel::new(move |model, asked: &Asked| {
        if asked.message["text"].as_str().unwrap().chars().count() > most {
            return Err(JobError::fail("call_exceeds_token_limit", "Too large"));
        }
        Ok(content(&model.cards(asked)))
    })
}

#[tokio::test]
async fn a_text_is_cut_into_smaller_parts_until_they_are_accepted() {
    let mut job = FakeJob::new();
    let lesson = long_lesson("Food", 2);
    let (outcome, model) = attempt(accepting(lesson.content.len() / 4), &job, &lesson).await;
    assert!(outcome.unwrap().flashcards.len() >= 10);
    assert!(model.asked().len() <= 12, "{} calls", model.asked().len());
    // A later attempt cuts the text alike, and meets no refusal.
    job.again();
    job.records.lock().unwrap().retain(|name, _| name == "smaller_calls");
    let (outcome, model) = attempt(accepting(lesson.content.len() / 4), &job, &lesson).await;
    outcome.unwrap();
    let asked = model.asked();
    assert!(asked.iter().all(|asked| asked.message["text"].as_str().unwrap().len() <= lesson.content.len() / 4));
}

#[tokio::test]
async fn a_text_that_is_refused_at_any_size_fails_by_name_after_few_calls() {
    for lesson in [lesson("Food"), long_lesson("Food", 5)] {
        let (outcome, model) = attempt(accepting(0), &FakeJob::new(), &lesson).await;
        let error = outcome.unwrap_err();
        assert_eq!((error.code(), error.decision()), ("call_exceeds_token_limit", Decision::Fail));
        assert!(model.asked().len() <= 6, "{} calls", model.asked().len());
    }
}
