//! The model that writes the cards, as this job sees it.

use std::future::Future;

use shared::{
    job::JobError,
    openai::{ChatRequest, OpenAi},
};

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
}

impl From<JobError> for NoAnswer {
    fn from(error: JobError) -> Self {
        Self { error, tokens: 0 }
    }
}

/// A language model. One question is one call: whoever implements it does not retry.
pub trait ChatModel: Send + Sync + 'static {
    /// Asks once.
    fn ask(&self, request: ChatRequest) -> impl Future<Output = Result<Answer, NoAnswer>> + Send;
}

impl ChatModel for OpenAi {
    async fn ask(&self, request: ChatRequest) -> Result<Answer, NoAnswer> {
        let answer =
            self.chat(&request).await.map_err(|error| NoAnswer { tokens: error.tokens(), error: error.into() })?;
        Ok(Answer { content: answer.content, tokens: answer.usage.total_tokens.into() })
    }
}
