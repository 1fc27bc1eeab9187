//! What a round came to, and the table of all of them.

use std::fmt;

use super::setting::Limit;
use crate::bench::figures::verdict;

const HEADINGS: [&str; 8] = ["", "limit", "processes", "worst window", "utilisation", "429s", "scripts/call", ""];
/// Columns of text; the others hold numbers.
const TEXT: [usize; 3] = [0, 1, 7];

/// One round.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) system: &'static str,
    pub(super) limit: Limit,
    /// A backlog at the edge of a window, and not a line that was full from the start.
    pub(super) edge: bool,
    pub(super) processes: u32,
    /// Most calls in any window.
    pub(super) worst: u64,
    /// The share of the limit that was used, where it was there to be used.
    pub(super) utilisation: Option<f64>,
    /// The utilisation that is expected at least.
    pub(super) least: f64,
    /// Calls that the upstream refused for the limit's sake.
    pub(super) refused: u64,
    pub(super) scripts_per_call: Option<f64>,
}

impl Row {
    fn met(&self) -> bool {
        self.worst <= self.limit.calls && self.refused == 0 && self.utilisation.is_none_or(|share| share >= self.least)
    }

    fn cells(&self) -> [String; 8] {
        let none = || "-".to_owned();
        let edge = if self.edge { ", edge" } else { "" };
        [
            self.system.to_owned(),
            format!("{}{edge}", self.limit),
            self.processes.to_string(),
            self.worst.to_string(),
            self.utilisation.map_or_else(none, |share| format!("{:.2} %", 100.0 * share)),
            self.refused.to_string(),
            self.scripts_per_call.map_or_else(none, |scripts| format!("{scripts:.2}")),
            verdict(self.met()).to_owned(),
        ]
    }
}

impl fmt::Display for Row {
    /// What is said as soon as it is known.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [_, _, _, worst, utilisation, refused, _, verdict] = self.cells();
        write!(f, "    worst window {worst}, utilisation {utilisation}, 429s {refused}: {verdict}")
    }
}

/// The rows below their headings, in columns.
pub(super) fn table(rows: &[Row]) -> Vec<String> {
    let cells: Vec<[String; 8]> =
        std::iter::once(HEADINGS.map(str::to_owned)).chain(rows.iter().map(Row::cells)).collect();
    let width = |column: usize| cells.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let line = |row: &[String; 8]| {
        let padded = row.iter().enumerate().map(|(column, cell)| {
            let width = width(column);
            if TEXT.contains(&column) { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    cells.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn row() -> Row {
        Row {
            system: "unilingo",
            limit: Limit { calls: 500, window: Duration::from_secs(6) },
            edge: false,
            processes: 4,
            worst: 500,
            utilisation: Some(0.98),
            least: 0.97,
            refused: 0,
            scripts_per_call: Some(2.5),
        }
    }

    #[test]
    fn too_many_calls_too_few_and_refusals_are_misses() {
        assert!(row().met());
        assert!(Row { edge: true, utilisation: None, ..row() }.met());
        assert!(!Row { worst: 501, ..row() }.met());
        assert!(!Row { utilisation: Some(0.96), ..row() }.met());
        assert!(!Row { refused: 1, ..row() }.met());
    }

    #[test]
    fn columns_are_aligned() {
        let peer = Row {
            system: "bullmq",
            limit: Limit { calls: 50, ..row().limit },
            edge: true,
            worst: 99,
            utilisation: None,
            refused: 49,
            scripts_per_call: None,
            ..row()
        };
        assert_eq!(
            table(&[row(), peer]),
            [
                "          limit             processes  worst window  utilisation  429s  scripts/call",
                "unilingo  500 per 6 s               4           500      98.00 %     0          2.50  ok",
                "bullmq    50 per 6 s, edge          4            99            -    49             -  MISSED",
            ]
        );
    }
}
