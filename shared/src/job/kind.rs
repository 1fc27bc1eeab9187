//! Kinds of jobs and the queues that they wait in.

use std::{borrow::Borrow, fmt};

use serde::{Serialize, de::DeserializeOwned};

/// A payload that can wait in the queue. One file in [`super::kinds`] each.
pub trait Kind: Serialize + DeserializeOwned + Send + 'static {
    /// The stable name on the wire. Never reused for something else.
    const NAME: &'static str;
    /// The version of the payload's shape. Raise it when an old worker could not read the new shape: workers take
    /// only the versions that they know.
    const VERSION: u32;
    /// The queue that jobs of this kind wait in.
    const QUEUE: QueueName;

    /// How the result is made of the payload: the prompt and the rules. Raise it when the same payload would now give another
    /// result. `None`: a result of this kind answers for nobody else's job.
    const RECIPE: Option<u32> = None;

    /// It is paid for in another way than by tokens: none is accepted while the kill switch of the budget is on.
    const PAID: bool = false;

    /// The lane that jobs of this kind and version wait in.
    #[must_use]
    fn lane() -> Lane {
        Lane::new(Self::NAME, Self::VERSION)
    }

    /// Tokens of the text that this job sends upstream, estimated upwards; 0 where no upstream counts any.
    fn tokens(&self) -> u32 {
        0
    }
}

/// The queues, by the names that the app knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum QueueName {
    /// Jobs for OpenAI.
    #[cfg_attr(feature = "openapi", schema(rename = "ai-jobs"))]
    Ai,
    /// Jobs for Azure Speech.
    #[cfg_attr(feature = "openapi", schema(rename = "audio-jobs"))]
    Audio,
}

impl QueueName {
    /// Every queue.
    pub const ALL: [Self; 2] = [Self::Ai, Self::Audio];

    /// The name in keys and answers: `ai-jobs` or `audio-jobs`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ai => "ai-jobs",
            Self::Audio => "audio-jobs",
        }
    }

    /// The queue of that name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|queue| queue.as_str() == name)
    }
}

impl fmt::Display for QueueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A kind and a payload version: `generate-flashcards@1`. Jobs wait by lane, so that a worker never sees a job that it
/// could not read, and pays nothing for those that wait.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane(String);

impl Lane {
    /// The lane of `kind` at payload version `version`.
    #[must_use]
    pub fn new(kind: &str, version: u32) -> Self {
        Self(format!("{kind}@{version}"))
    }

    /// As it stands in keys.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Lane {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
