//! Whole attempts with a scripted model.

mod cases;
mod cut_off;
mod repair;
mod resume;
mod too_large;
mod whole;

use shared::job::{
    JobError,
    kinds::{GenerateFlashcards, GeneratedFlashcards},
};

use super::{
    CallLimits, GenerateFlashcardsHandler,
    testing::{FakeJob, FakeModel},
};

/// Text in one call of these tests, in tokens.
const CHUNK_TOKENS: u32 = 1_000;
const LIMITS: CallLimits =
    CallLimits { chunk_tokens: CHUNK_TOKENS, max_output_tokens: 4_096, tokens_per_minute: 0, reasoning: Some(0) };

/// A lesson that is cut into so many parts.
fn long_lesson(topic: &str, parts: u32) -> GenerateFlashcards {
    let sentence = "Das Blatt ist grün und macht Zucker aus Licht. ";
    let per_part = CHUNK_TOKENS / shared::tokens::estimate(sentence);
    let content = sentence.repeat(usize::try_from(per_part * parts - 1).unwrap());
    assert_eq!(super::chunk::split(&content, CHUNK_TOKENS).len(), usize::try_from(parts).unwrap());
    GenerateFlashcards { content, ..super::testing::lesson(topic) }
}

async fn attempt(
    model: FakeModel,
    job: &FakeJob,
    lesson: &GenerateFlashcards,
) -> (Result<GeneratedFlashcards, JobError>, FakeModel) {
    attempt_within(LIMITS, model, job, lesson).await
}

async fn attempt_within(
    limits: CallLimits,
    model: FakeModel,
    job: &FakeJob,
    lesson: &GenerateFlashcards,
) -> (Result<GeneratedFlashcards, JobError>, FakeModel) {
    let handler = GenerateFlashcardsHandler::new(model, limits);
    let outcome = handler.generate(job, lesson.clone()).await;
    (outcome, handler.model)
}
