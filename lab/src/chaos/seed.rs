//! Chance that can be had again.

use clap::Args;

use super::report::Report;

/// What chance begins with.
#[derive(Debug, Args)]
pub(super) struct Seed {
    /// Seed of everything that is drawn at random [default: one drawn at random]
    #[arg(long)]
    seed: Option<u64>,
}

impl Seed {
    /// The seed, told first of all, so that whatever comes of it can be had again.
    pub(super) fn announce(&self) -> u64 {
        let seed = self.seed.unwrap_or_else(|| rand::random_range(0..1_000_000));
        Report::note(format_args!("seed {seed}"));
        seed
    }
}
