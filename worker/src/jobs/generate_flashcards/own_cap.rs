//! The output cap of a job whose text leaves little room in the model's context.

use shared::job::JobError;

use super::attempt::Attempt;

/// Its name among the job's records.
const RECORD: &str = "output_cap";
/// How often a job's own cap is lowered before the job fails.
const LOWERED_MAX: u32 = 2;

/// Recorded with the job, so that each start of it asks for what fits, and the upstream refuses the job
/// a bounded number of times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OwnCap {
    lowered: u32,
    /// Most output tokens of a call.
    pub(super) tokens: u32,
}

impl OwnCap {
    /// What earlier starts of the job have recorded.
    pub(super) async fn restore(attempt: &impl Attempt) -> Result<Option<Self>, JobError> {
        let records = attempt.checkpoints().await?;
        Ok(records.get(RECORD).and_then(|record| {
            let (lowered, tokens) = record.split_once(':')?;
            Some(Self { lowered: lowered.parse().ok()?, tokens: tokens.parse().ok()? })
        }))
    }

    /// Records that the job may ask for `tokens` at most.
    ///
    /// # Errors
    ///
    /// When it was lowered often enough, or Redis does not answer.
    pub(super) async fn lower(attempt: &impl Attempt, tokens: u32, progress: u8) -> Result<(), JobError> {
        let lowered = Self::restore(attempt).await?.map_or(0, |own| own.lowered);
        if lowered >= LOWERED_MAX {
            return Err(JobError::fail(
                "openai_rejected_request",
                "The text leaves the AI service too little room for the cards.",
            ));
        }
        attempt.checkpoint(RECORD, &format!("{}:{tokens}", lowered + 1), progress).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::generate_flashcards::testing::FakeJob;

    #[tokio::test]
    async fn a_cap_is_lowered_twice_and_remembered() {
        let job = FakeJob::new();
        assert_eq!(OwnCap::restore(&job).await.unwrap(), None);
        for (lowered, tokens) in [(1, 3_000), (2, 2_000)] {
            OwnCap::lower(&job, tokens, 10).await.unwrap();
            assert_eq!(OwnCap::restore(&job).await.unwrap(), Some(OwnCap { lowered, tokens }));
        }
        assert_eq!(OwnCap::lower(&job, 1_000, 10).await.unwrap_err().code(), "openai_rejected_request");
    }

    #[tokio::test]
    async fn a_damaged_record_is_none() {
        let job = FakeJob::new();
        job.records.lock().unwrap().insert(RECORD.to_owned(), "often".to_owned());
        assert_eq!(OwnCap::restore(&job).await.unwrap(), None);
    }
}
