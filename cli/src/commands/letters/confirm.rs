//! Asking before much is done.

use std::{fmt::Display, process::ExitCode};

use crate::output;

/// What the operator said.
#[derive(Debug)]
pub(in crate::commands) enum Consent {
    /// It may be done.
    Given,
    /// It may not: this is how the program ends.
    Refused(ExitCode),
}

/// Asks `question` where somebody can be asked; elsewhere it is refused with `advice`.
pub(in crate::commands) fn confirm(question: impl Display, advice: impl Display) -> Consent {
    match output::ask(format_args!("{question} [y/N] ")) {
        Some(answer) if ["y", "yes"].contains(&answer.trim().to_lowercase().as_str()) => Consent::Given,
        Some(_) => {
            output::error("Nothing was done.");
            Consent::Refused(ExitCode::FAILURE)
        }
        None => {
            output::error(format_args!("error: {advice}"));
            Consent::Refused(ExitCode::from(2))
        }
    }
}
