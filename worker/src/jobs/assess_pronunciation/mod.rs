//! `assess-pronunciation`: a recording is compared with the text that should have been read.
//!
//! The recording is read from beside the job and made into what the service takes (`shared::audio`), the service listens to it in one
//! call (`shared::azure`), and its scores are put into the words of the app (`result`, `feedback`).

mod feedback;
mod result;

use std::sync::Arc;

use serde_json::value::{RawValue, to_raw_value};
use shared::{
    audio::{Prepared, prepare},
    azure::{Azure, Question},
    job::{
        JobError,
        kinds::{AssessPronunciation, AssessedPronunciation},
    },
    queue::{Handler, JobContext},
};
use tokio::sync::Semaphore;

/// Runs `assess-pronunciation` jobs with Azure Speech.
#[derive(Debug)]
pub struct AssessPronunciationHandler {
    azure: Azure,
    /// One recording a core is decoded at a time: more would only make each of them late.
    cores: Arc<Semaphore>,
}

impl AssessPronunciationHandler {
    /// A handler whose calls go to `azure`.
    #[must_use]
    pub fn new(azure: Azure) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { azure, cores: Arc::new(Semaphore::new(cores)) }
    }

    async fn assess(&self, job: &JobContext, asked: &AssessPronunciation) -> Result<AssessedPronunciation, JobError> {
        let recording = self.prepared(job).await?;
        let request_id = format!("{}.{}.1", job.id(), job.attempt());
        let question = Question {
            request_id: &request_id,
            recording: &recording,
            reference_text: &asked.reference_text,
            language: &asked.language,
            prosody: asked.prosody,
        };
        let heard = self.azure.assess(&question, &job.call(0)).await?;
        Ok(result::of(heard, asked, recording.duration_ms))
    }

    /// The recording as the service takes it, decoded off the threads that wait for others.
    async fn prepared(&self, job: &JobContext) -> Result<Prepared, JobError> {
        let recording = job.recording().await?;
        let cores = Arc::clone(&self.cores);
        // Never closed.
        let turn = cores.acquire_owned().await;
        let decoding = tokio::task::spawn_blocking(move || {
            let prepared = prepare(&recording);
            drop(turn);
            prepared
        });
        let prepared = decoding.await.map_err(|error| {
            JobError::fail("audio_corrupt", "The recording can't be read. Record it again.").with_source(error)
        })?;
        Ok(prepared?)
    }
}

impl Handler for AssessPronunciationHandler {
    type Payload = AssessPronunciation;

    async fn run(&self, job: JobContext, asked: AssessPronunciation) -> Result<Box<RawValue>, JobError> {
        let outcome = self.assess(&job, &asked).await;
        match &outcome {
            Ok(AssessedPronunciation { assessment, .. }) => tracing::info!(
                job.id = %job.id(),
                job.attempt = job.attempt(),
                recording_ms = assessment.duration_ms,
                words = assessment.words.len(),
                "A recording is assessed"
            ),
            Err(error) => tracing::info!(
                job.id = %job.id(),
                job.attempt = job.attempt(),
                error.code = error.code(),
                "A recording is not assessed"
            ),
        }
        to_raw_value(&outcome?).map_err(|error| {
            JobError::retry("result_not_written", "The scores could not be written down").with_source(error)
        })
    }
}
