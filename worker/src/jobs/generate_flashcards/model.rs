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

/// A language model. One question is one call: whoever implements it does not retry.
pub trait ChatModel: Send + Sync + 'static {
    /// Asks once.
    fn ask(&self, request: ChatRequest) -> impl Future<Output = Result<Answer, JobError>> + Send;
}

impl ChatModel for OpenAi {
    async fn ask(&self, request: ChatRequest) -> Result<Answer, JobError> {
        let answer = self.chat(&request).await?;
        Ok(Answer { content: answer.content, tokens: answer.usage.total_tokens.into() })
    }
}
