//! `generate-flashcards`: a lesson text becomes flashcards.
//!
//! The text is cut into parts that fit a call (`chunk`), each part gets its share of the cards
//! (`plan`) and is asked for (`question`, `prompt`); the answer is checked card by card (`answer`,
//! `card_list`, `card`) and against what the part must come to (`goal`); what is missing is asked
//! for once more. Every call is recorded (`part_state`), and in the end the parts are put together
//! (`merge`). `generation` is the course of it all.

mod answer;
mod answer_size;
mod attempt;
mod card;
mod card_list;
mod chunk;
mod folding;
mod generation;
mod goal;
mod latex;
mod limits;
mod merge;
mod model;
mod own_cap;
mod part_state;
mod placeholder;
mod plan;
mod problem;
mod prompt;
mod question;
mod schema;
mod smaller_calls;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use serde_json::value::{RawValue, to_raw_value};
use shared::{
    job::{
        JobError,
        kinds::{GenerateFlashcards, GeneratedFlashcards},
        lesson_text,
    },
    queue::{Handler, JobContext},
};

use self::{attempt::Attempt, generation::Generation, own_cap::OwnCap};
pub use self::{
    attempt::Permit,
    limits::CallLimits,
    model::{Answer, ChatModel, CutOff, NoAnswer, TooLarge},
};

/// Runs `generate-flashcards` jobs with the model `M`.
#[derive(Debug)]
pub struct GenerateFlashcardsHandler<M> {
    model: M,
    limits: CallLimits,
}

impl<M: ChatModel> GenerateFlashcardsHandler<M> {
    /// A handler whose calls go to `model`.
    #[must_use]
    pub const fn new(model: M, limits: CallLimits) -> Self {
        Self { model, limits }
    }

    async fn generate<A: Attempt>(
        &self,
        attempt: &A,
        lesson: GenerateFlashcards,
    ) -> Result<GeneratedFlashcards, JobError> {
        // The api does the same; this is for jobs of older ones.
        let lesson = GenerateFlashcards { content: lesson_text::normalize(&lesson.content), ..lesson };
        let limits = self.limits.within(self.model.max_output_tokens(self.limits.max_output_tokens).await);
        let limits = CallLimits { reasoning: self.model.reasoning_tokens(limits.reasoning).await, ..limits };
        let limits = limits.within(OwnCap::restore(attempt).await?.map_or(u32::MAX, |own| own.tokens));
        let mut generation = Generation::new(&self.model, attempt, &lesson, limits);
        let outcome = generation.run().await;
        let (chunks, calls, tokens) = (generation.parts.len(), generation.calls, generation.spent);
        let (id, number) = (attempt.job_id(), attempt.number());
        match &outcome {
            Ok(result) => tracing::info!(
                job.id = %id,
                job.attempt = number,
                chunks,
                calls,
                tokens,
                cards = result.flashcards.len(),
                requested = generation.requested,
                "Flashcards are ready"
            ),
            Err(error) => tracing::info!(
                job.id = %id,
                job.attempt = number,
                chunks,
                calls,
                tokens,
                error.code = error.code(),
                "Flashcards are not ready"
            ),
        }
        outcome
    }
}

impl<M: ChatModel> Handler for GenerateFlashcardsHandler<M> {
    type Payload = GenerateFlashcards;

    async fn run(&self, job: JobContext, lesson: GenerateFlashcards) -> Result<Box<RawValue>, JobError> {
        let result = self.generate(&job, lesson).await?;
        to_raw_value(&result).map_err(|error| {
            JobError::retry("result_not_written", "The cards could not be written down").with_source(error)
        })
    }
}
