//! What a run came to, line by line.

use std::{fmt::Display, process::ExitCode};
use unilingo::output;

use crate::bench::figures::verdict;

/// Prints figures as they are known and remembers whether one was missed.
#[derive(Debug, Default)]
pub(super) struct Report {
    missed: u32,
}

impl Report {
    /// A line that is not held against anything.
    pub(super) fn note(text: impl Display) {
        output::line(text);
    }

    /// A figure with what it is held against, and whether that was met.
    pub(super) fn check(&mut self, met: bool, text: impl Display) {
        self.missed += u32::from(!met);
        output::line(format_args!("{text}: {}", verdict(met)));
    }

    /// Whether nothing was missed.
    pub(super) const fn is_clean(&self) -> bool {
        self.missed == 0
    }

    /// What the process ends with.
    pub(super) fn code(&self) -> ExitCode {
        if self.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_miss_is_a_failure_whatever_comes_later() {
        let mut report = Report::default();
        report.check(true, "a");
        assert_eq!(report.code(), ExitCode::SUCCESS);
        report.check(false, "b");
        report.check(true, "c");
        assert_eq!((report.is_clean(), report.code()), (false, ExitCode::FAILURE));
    }
}
