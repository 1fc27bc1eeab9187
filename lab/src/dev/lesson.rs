//! The lesson that the cards are made of.

use std::path::Path;

use anyhow::{Context, ensure};
use serde::Serialize;

/// What is asked for: the body of `POST /api/v1/flashcards`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Lesson {
    pub(super) content: String,
    pub(super) subject: String,
    pub(super) topic: String,
    pub(super) native_language: String,
    pub(super) target_language: String,
}

impl Lesson {
    /// The sample: English terms of biology, for a learner who speaks German.
    pub(super) fn sample() -> Self {
        Self::of(include_str!("../../../lessons/photosynthesis.txt"), "Biology", "Photosynthesis")
    }

    /// A text of the caller's own, whose file name is its topic.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let content = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        ensure!(!content.trim().is_empty(), "{} is empty", path.display());
        let name = path.file_stem().unwrap_or_default().to_string_lossy().replace(['_', '-'], " ");
        Ok(Self::of(&content, "General", &name))
    }

    fn of(content: &str, subject: &str, topic: &str) -> Self {
        Self {
            content: content.to_owned(),
            subject: subject.to_owned(),
            topic: topic.to_owned(),
            native_language: "German".to_owned(),
            target_language: "English".to_owned(),
        }
    }
}
