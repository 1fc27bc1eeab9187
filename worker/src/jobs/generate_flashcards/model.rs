//! The model that writes the cards, as this job sees it.

use std::future::Future;

use shared::{
    job::JobError,
    openai::{ChatRequest, OpenAi, OpenAiError},
    queue::{CallEnd, Verdict},
};

use super::attempt::Permit;

/// What a model said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its text, which should be JSON.
    pub content: String,
    /// Tokens of the prompt and the answer, as the provider counted them.
    pub tokens: u64,
}

/// A call without an answer that can be used.
#[derive(Debug)]
pub struct NoAnswer {
    /// What becomes of the attempt.
    pub error: JobError,
    /// Tokens that it cost all the same.
    pub tokens: u64,
    /// Set where a smaller request may be accepted.
    pub too_large: Option<TooLarge>,
    /// The output tokens that this job may ask for from now on, where more were refused for its text.
    pub max_output_tokens: Option<u32>,
    /// Set where the answer did not fit its cap.
    pub cut_off: Option<CutOff>,
}

/// What did not fit an answer's cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CutOff {
    /// The cards.
    Cards,
    /// What the model thought before them.
    Thoughts,
}

/// The provider accepts only smaller requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge {
    /// Its limit and the size of the request in tokens, where it gives them.
    pub figures: Option<(u64, u64)>,
}

impl TooLarge {
    fn of(error: &OpenAiError) -> Option<Self> {
        let OpenAiError::RequestTooLarge { limit, requested } = error.cause() else { return None };
        Some(Self { figures: limit.zip(*requested) })
    }
}

impl From<JobError> for NoAnswer {
    fn from(error: JobError) -> Self {
        Self { error, tokens: 0, too_large: None, max_output_tokens: None, cut_off: None }
    }
}

/// A language model. One question is one call: whoever implements it does not retry.
pub trait ChatModel: Send + Sync + 'static {
    /// Asks once, when the permit lets the call go, and tells it how the call ended.
    fn ask(&self, request: ChatRequest, permit: impl Permit) -> impl Future<Output = Result<Answer, NoAnswer>> + Send;

    /// The most output tokens that a call may ask for: `configured`, or less where the upstream refuses that.
    fn max_output_tokens(&self, configured: u32) -> impl Future<Output = u32> + Send {
        std::future::ready(configured)
    }

    /// Tokens that it thinks before it answers: `configured`, or what was found out since; `None` where nobody knows.
    fn reasoning_tokens(&self, configured: Option<u32>) -> impl Future<Output = Option<u32>> + Send {
        std::future::ready(configured)
    }
}

impl ChatModel for OpenAi {
    async fn ask(&self, request: ChatRequest, permit: impl Permit) -> Result<Answer, NoAnswer> {
        let door = permit.clone();
        let outcome = self.chat(&request, Box::pin(async move { door.begin().await })).await;
        let end = CallEnd::of(&outcome);
        let verdict = permit.end(end).await;
        if matches!(verdict, Verdict::Doubted { witness: true, .. }) {
            permit.testify(self.witness().await, end.reason).await;
        }
        let answer = outcome.map_err(|error| NoAnswer {
            tokens: error.tokens(),
            too_large: TooLarge::of(&error),
            max_output_tokens: match error.cause() {
                OpenAiError::ParameterRefused { max_output_tokens, .. } => *max_output_tokens,
                _ => None,
            },
            cut_off: match error.cause() {
                OpenAiError::CutOff { thoughts, .. } => Some(if *thoughts { CutOff::Thoughts } else { CutOff::Cards }),
                _ => None,
            },
            error: error.judged(verdict),
        })?;
        Ok(Answer { content: answer.content, tokens: answer.usage.total_tokens.into() })
    }

    async fn reasoning_tokens(&self, _configured: Option<u32>) -> Option<u32> {
        Self::reasoning_tokens(self).await
    }

    async fn max_output_tokens(&self, configured: u32) -> u32 {
        Self::max_output_tokens(self, configured).await
    }
}
