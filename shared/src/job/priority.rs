//! How urgent a job is.

use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// The class that a job waits in. Higher ones go first; lower ones keep a guaranteed share, so that none starves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Someone is waiting for it
    #[default]
    Interactive,
    /// A server asks for it: a share of 20 % at least
    Normal,
    /// It may take its time: a share of 5 % at least
    Bulk,
}

impl Priority {
    /// Every class, the most urgent first.
    pub const ALL: [Self; 3] = [Self::Interactive, Self::Normal, Self::Bulk];

    /// The name on the wire and in keys.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Interactive => "interactive",
            Self::Normal => "normal",
            Self::Bulk => "bulk",
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
