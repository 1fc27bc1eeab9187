//! Putting letters back, step by step.

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use shared::{
    dead_letter::{DeadLetters, Letter, Requeue, Requeued},
    job::QueueName,
    queue::IndexedJob,
};

use super::tally::Tally;
use crate::{
    commands::letters::{Found, Look, Pace, Rate},
    output,
};

/// The letters that are being put back.
#[derive(Debug)]
pub(super) struct Moves {
    letters: DeadLetters,
    how: Requeue,
    pace: Pace,
    bar: ProgressBar,
    pub(super) tally: Tally,
}

impl Moves {
    /// `expected` letters are likely.
    pub(super) fn new(letters: DeadLetters, how: Requeue, rate: Option<Rate>, expected: u64) -> Self {
        let bar = if output::shows_progress() { ProgressBar::new(expected) } else { ProgressBar::hidden() };
        // The template is ours and is right; with the default one the bar would only look different.
        if let Ok(style) = ProgressStyle::with_template("[{bar:30}] {pos}/{len}  {per_sec}  {elapsed}") {
            bar.set_style(style.progress_chars("=> "));
        }
        Self { letters, how, pace: Pace::new(rate), bar, tally: Tally::default() }
    }

    /// Puts back what was named, and what is found.
    pub(super) async fn all(&mut self, named: Vec<Found>, look: Option<Look>) -> anyhow::Result<()> {
        for found in named {
            self.put_back(&found).await?;
            self.bar.inc(found.looked_at);
        }
        let Some(mut look) = look else { return Ok(()) };
        while let Some(found) = look.next().await.context("the dead letters could not be read")? {
            // Behind one that finds no room, none is to overtake it.
            if !self.put_back(&found).await? {
                look.leave(found.queue);
            }
            self.bar.inc(found.looked_at);
        }
        Ok(())
    }

    /// Takes the bar away.
    pub(super) fn finish(self) -> Tally {
        self.bar.finish_and_clear();
        self.tally
    }

    /// Whether there is room for more.
    async fn put_back(&mut self, found: &Found) -> anyhow::Result<bool> {
        self.tally.matched += found.letters.len() as u64;
        let letters: Vec<_> = found.letters.iter().filter_map(letter).collect();
        // What has no id can't be named: nobody made it.
        self.tally.add(Requeued::Broken, (found.letters.len() - letters.len()) as u64);
        let mut room = true;
        for some in letters.chunks(self.pace.step(DeadLetters::STEP)) {
            if room {
                self.pace.wait_for(some.len()).await;
                room = self.step(found.queue, some.to_vec()).await?;
            } else {
                self.tally.add(Requeued::Full, some.len() as u64);
            }
        }
        Ok(room)
    }

    async fn step(&mut self, queue: QueueName, mut letters: Vec<Letter>) -> anyhow::Result<bool> {
        let mut room = true;
        while !letters.is_empty() {
            let seen =
                self.letters.requeue(queue, &letters, self.how).await.context("the step may have been done or not")?;
            let mut later = Vec::new();
            for (letter, seen) in letters.into_iter().zip(seen) {
                match seen {
                    Requeued::Later => later.push(letter),
                    Requeued::Full => {
                        room = false;
                        self.tally.add(seen, 1);
                    }
                    _ => self.tally.add(seen, 1),
                }
            }
            letters = later;
        }
        Ok(room)
    }
}

fn letter(job: &IndexedJob) -> Option<Letter> {
    Some(Letter { id: job.id()?, ended_at_ms: Some(job.at_ms) })
}
