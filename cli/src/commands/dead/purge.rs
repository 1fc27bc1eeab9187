//! `dead purge`.

use std::process::ExitCode;

use anyhow::Context;
use serde_json::json;
use shared::{
    dead_letter::{DeadLetters, Letter, Purged},
    queue::{JobOrder, Queue},
};

use super::PurgeArgs;
use crate::commands::letters::{Consent, DONE, Found, Groups, Look, NOT_ALL, confirm, named};

/// How many letters came to what.
#[derive(Debug, Default)]
struct Tally {
    matched: u64,
    purged: u64,
    /// Someone else has seen to them, or there was nothing any more.
    elsewhere: u64,
    broken: u64,
}

pub(super) async fn run(args: PurgeArgs) -> anyhow::Result<ExitCode> {
    let queue = Queue::new(args.system.redis()?, args.system.prefix(), args.jobs.clone());
    let (by_id, strangers) = named(&queue, &args.ids).await?;
    let filter = args.filter.now(&queue, u64::MAX).await?;
    let look = || if args.ids.is_empty() { Some(Look::new(&queue, &filter, JobOrder::Oldest)) } else { None };
    if !args.yes {
        let mut groups = Groups::default();
        by_id.iter().flat_map(|found| &found.letters).for_each(|letter| groups.add(letter));
        if let Some(mut look) = look() {
            while let Some(found) = look.next().await? {
                found.letters.iter().for_each(|letter| groups.add(letter));
            }
        }
        let many = groups.letters();
        if many > 0 {
            let consent = confirm(
                format_args!("{groups}\nRemove {many} dead letters for good?"),
                format_args!(
                    "{many} dead letters would be removed for good, and nobody can be asked: --yes removes them"
                ),
            );
            if let Consent::Refused(code) = consent {
                return Ok(code);
            }
        }
    }

    let letters = DeadLetters::new(queue.clone());
    let mut tally = Tally::default();
    for found in &by_id {
        tally.remove(&letters, found).await?;
    }
    if let Some(mut look) = look() {
        while let Some(found) = look.next().await? {
            tally.remove(&letters, &found).await?;
        }
    }
    let Tally { matched, purged, elsewhere, broken } = tally;
    let text = match matched {
        0 => "No dead letter matches.".to_owned(),
        _ if broken > 0 => {
            format!("{purged} dead letters are removed; {broken} stay, which are no jobs that can be read")
        }
        _ => format!("{purged} dead letters are removed"),
    };
    let document = json!({
        "matched": matched, "purged": purged, "elsewhere": elsewhere, "broken": broken, "no_dead_letters": strangers
    });
    args.system.answer(text, &document)?;
    Ok(ExitCode::from(if matched == 0 || broken > 0 || strangers > 0 { NOT_ALL } else { DONE }))
}

impl Tally {
    async fn remove(&mut self, letters: &DeadLetters, found: &Found) -> anyhow::Result<()> {
        self.matched += found.letters.len() as u64;
        let named: Vec<_> = found
            .letters
            .iter()
            .filter_map(|letter| Some(Letter { id: letter.id()?, ended_at_ms: Some(letter.at_ms) }))
            .collect();
        self.broken += (found.letters.len() - named.len()) as u64;
        for some in named.chunks(DeadLetters::STEP) {
            let mut left = some.to_vec();
            while !left.is_empty() {
                let seen = letters.purge(found.queue, &left).await;
                let seen =
                    seen.with_context(|| format!("{} were removed so far; say it again to go on", self.purged))?;
                let mut later = Vec::new();
                for (letter, seen) in left.into_iter().zip(seen) {
                    match seen {
                        Purged::Purged => self.purged += 1,
                        Purged::Elsewhere | Purged::Gone => self.elsewhere += 1,
                        Purged::Broken => self.broken += 1,
                        Purged::Later => later.push(letter),
                    }
                }
                left = later;
            }
        }
        Ok(())
    }
}
