//! `dead list`.

use std::{fmt, process::ExitCode};

use serde::Serialize;
use shared::{
    queue::{IndexedJob, JobOrder},
    timestamp::rfc3339,
};

use super::ListArgs;
use crate::{
    commands::letters::{DONE, Look, NOT_ALL},
    output::{plain, width},
};

/// Where no limit is named.
const LIMIT: u64 = 50;

pub(super) async fn run(args: ListArgs) -> anyhow::Result<ExitCode> {
    let queue = args.system.queue()?;
    let filter = args.filter.now(&queue, LIMIT).await?;
    let mut look = Look::new(&queue, &filter, JobOrder::Newest);
    let mut letters = Vec::new();
    while let Some(found) = look.next().await? {
        letters.extend(found.letters.into_iter().map(|letter| Shown::new(found.queue.as_str(), letter)));
    }
    letters.sort_by(|a, b| b.ended.cmp(&a.ended));
    letters.truncate(usize::try_from(filter.limit).unwrap_or(usize::MAX));
    let code = if letters.is_empty() { NOT_ALL } else { DONE };
    let listed = Listed(letters);
    args.system.answer(&listed, &listed)?;
    Ok(ExitCode::from(code))
}

/// A letter as it is shown. Nothing of it is a learner's text.
#[derive(Debug, Serialize)]
struct Shown {
    id: String,
    queue: &'static str,
    kind: String,
    user: String,
    attempts: u32,
    max_attempts: u32,
    requeued: u32,
    created: Option<String>,
    ended: String,
    code: String,
    message: String,
}

impl Shown {
    fn new(queue: &'static str, letter: IndexedJob) -> Self {
        Self {
            id: letter.name,
            queue,
            kind: letter.kind,
            user: letter.user,
            attempts: letter.attempts,
            max_attempts: letter.max_attempts,
            requeued: letter.requeued,
            created: letter.created_at_ms.map(rfc3339),
            ended: rfc3339(letter.at_ms),
            code: letter.code,
            message: letter.message,
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Listed(Vec<Shown>);

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("No dead letter matches.");
        }
        let user = width("user", self.0.iter().map(|letter| &*letter.user));
        let code = width("error", self.0.iter().map(|letter| &*letter.code));
        write!(
            f,
            "{:<24}  {:<36}  {:<user$}  {:>8}  {:<code$}  message",
            "dead since", "id", "user", "attempts", "error"
        )?;
        for letter in &self.0 {
            let attempts = format!("{}/{}", letter.attempts, letter.max_attempts);
            write!(
                f,
                "\n{:<24}  {:<36}  {:<user$}  {attempts:>8}  {:<code$}  {}",
                letter.ended,
                plain(&letter.id),
                plain(&letter.user),
                plain(&letter.code),
                plain(&letter.message)
            )?;
        }
        Ok(())
    }
}
