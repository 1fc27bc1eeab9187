//! `jobs cancel`.

use std::{fmt, process::ExitCode};

use serde::Serialize;
use shared::{
    job::JobId,
    queue::{Cancelled, Queue},
};

use super::CancelArgs;
use crate::commands::letters::{DONE, NOT_ALL};

pub(super) async fn run(args: CancelArgs) -> anyhow::Result<ExitCode> {
    let queue = Queue::new(args.system.redis()?, args.system.prefix(), args.jobs.clone());
    let mut seen = Vec::new();
    for id in args.ids {
        seen.push(Shown { id: id.to_string(), outcome: cancel(&queue, id).await? });
    }
    let code = if seen.iter().all(|job| job.outcome == "cancelled") { DONE } else { NOT_ALL };
    let seen = Seen(seen);
    args.system.answer(&seen, &seen)?;
    Ok(ExitCode::from(code))
}

async fn cancel(queue: &Queue, id: JobId) -> anyhow::Result<&'static str> {
    let Some(name) = queue.look_up(&[id]).await?.pop().and_then(|job| job.queue) else { return Ok("unknown") };
    Ok(match queue.cancel(name, id).await? {
        Cancelled::Done => "cancelled",
        Cancelled::Ended(state) => state.as_str(),
        Cancelled::Unknown => "unknown",
    })
}

#[derive(Debug, Serialize)]
struct Shown {
    id: String,
    /// `cancelled`, `unknown`, or the state in which it had ended before.
    outcome: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Seen(Vec<Shown>);

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, Shown { id, outcome }) in self.0.iter().enumerate() {
            let end = if i == 0 { "" } else { "\n" };
            match *outcome {
                "cancelled" => write!(f, "{end}{id}  cancelled")?,
                "unknown" => write!(f, "{end}{id}  there is no such job")?,
                state => write!(f, "{end}{id}  had ended before: {state}")?,
            }
        }
        Ok(())
    }
}
