//! `jobs show`.

use std::{fmt, process::ExitCode};

use serde::Serialize;
use shared::{
    queue::{FailedAttempt, JobDetail},
    timestamp::rfc3339,
};

use super::{ShowArgs, list};
use crate::output::plain;

pub(super) async fn run(args: ShowArgs) -> anyhow::Result<ExitCode> {
    let detail = args.system.queue()?.inspect(args.id).await?;
    let Some(detail) = detail else {
        anyhow::bail!("there is no job {}: it may have been kept for its time", args.id);
    };
    let shown = Shown::from(detail);
    args.system.answer(&shown, &shown)
}

/// A job as it is shown, without what its user has written.
#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    job: list::Shown,
    lane: String,
    progress: u8,
    worker: Option<String>,
    started: Option<String>,
    deadline: Option<String>,
    kept_for_ms: Option<u64>,
    follows: bool,
    result_of: Option<String>,
    payload_bytes: u64,
    result_bytes: u64,
    checkpoints: u64,
    followers: u64,
    failed_attempts: Vec<FailedAttempt>,
}

impl From<JobDetail> for Shown {
    fn from(detail: JobDetail) -> Self {
        Self {
            job: detail.job.into(),
            lane: detail.lane,
            progress: detail.progress,
            worker: detail.worker,
            started: detail.started_at_ms.map(rfc3339),
            deadline: detail.deadline_ms.map(rfc3339),
            kept_for_ms: detail.kept_for_ms,
            follows: detail.follows,
            result_of: detail.result_of,
            payload_bytes: detail.payload_bytes,
            result_bytes: detail.result_bytes,
            checkpoints: detail.checkpoints,
            followers: detail.followers,
            failed_attempts: detail.attempts,
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        // What is not known is left out.
        for (name, value) in self.lines() {
            let Some(value) = value else { continue };
            let end = if std::mem::take(&mut first) { "" } else { "\n" };
            write!(f, "{end}{name:<12}  {}", plain(&value))?;
        }
        for attempt in &self.failed_attempts {
            let time = attempt.ended.map_or_else(|| "-".to_owned(), rfc3339);
            let error = attempt.error.as_deref().unwrap_or(&attempt.message);
            write!(
                f,
                "\n\nattempt {} failed at {time} in {}\n  {}: {}",
                attempt.attempt,
                plain(&attempt.worker),
                plain(&attempt.code),
                plain(error)
            )?;
        }
        Ok(())
    }
}

impl Shown {
    fn lines(&self) -> [(&'static str, Option<String>); 20] {
        let job = &self.job;
        let some = |number: u64| if number > 0 { Some(number.to_string()) } else { None };
        [
            ("id", Some(job.id.clone())),
            (
                "state",
                job.state.map(|state| {
                    if self.follows { format!("{state} for the same work of another job") } else { state.to_owned() }
                }),
            ),
            ("user", Some(job.user.clone())),
            ("kind", Some(job.kind.clone())),
            ("queue", job.queue.map(|queue| format!("{queue}, lane {}, class {}", self.lane, job.class))),
            ("attempts", Some(format!("{} of {}", job.attempts, job.max_attempts))),
            ("put back", some(job.requeued.into())),
            ("progress", Some(format!("{} %", self.progress))),
            ("accepted", job.created.clone()),
            ("started", self.started.clone()),
            ("due", job.due.clone()),
            ("ended", job.ended.clone()),
            ("deadline", self.deadline.clone()),
            ("kept for", self.kept_for_ms.map(|ms| format!("{} s", ms / 1_000))),
            ("worker", self.worker.clone()),
            ("result of", self.result_of.clone().filter(|of| *of != job.id)),
            ("bytes", Some(format!("{} asked, {} made", self.payload_bytes, self.result_bytes))),
            ("checkpoints", some(self.checkpoints)),
            ("followers", some(self.followers)),
            ("error", job.code.as_ref().map(|code| format!("{code}: {}", job.message.as_deref().unwrap_or_default()))),
        ]
    }
}
