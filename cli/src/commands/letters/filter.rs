//! Which dead letters are meant.

use clap::Args;
use regex::Regex;
use shared::{job::QueueName, queue::IndexedJob};

use super::when::When;
use crate::commands::{queue::queue_names, user_name::user_name};

/// A filter: a letter must match all that is named.
#[derive(Debug, Clone, Args)]
#[group(id = "filter", multiple = true)]
pub(in crate::commands) struct FilterArgs {
    /// In this queue
    #[arg(long, value_name = "QUEUE", value_parser = queue_names())]
    queue: Option<QueueName>,

    /// Of this kind, such as `generate-flashcards`
    #[arg(long)]
    kind: Option<String>,

    /// Of this user
    #[arg(long, value_parser = user_name)]
    user: Option<String>,

    /// Dead since then: 90s, 30m, 2h or 7d ago, 2026-08-01, or 2026-08-01T12:30:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<When>,

    /// Dead until then
    #[arg(long, value_name = "TIME")]
    until: Option<When>,

    /// Whose error code or message matches this regular expression
    #[arg(long, value_name = "REGEX", value_parser = Regex::new)]
    error: Option<Regex>,

    /// At most so many
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
}

/// The same at a point in time.
#[derive(Debug, Clone)]
pub(in crate::commands) struct Filter {
    pub(super) queues: Vec<QueueName>,
    pub(super) since_ms: Option<u64>,
    pub(super) until_ms: u64,
    pub(in crate::commands) limit: u64,
    kind: Option<String>,
    user: Option<String>,
    error: Option<Regex>,
}

impl FilterArgs {
    /// What is meant at `now_ms`, by Redis' clock: letters of jobs that fail later are none of it. Without a limit of its own it has
    /// `limit`.
    pub(in crate::commands) fn at(&self, now_ms: u64, limit: u64) -> Filter {
        Filter {
            queues: self.queue.map_or_else(|| QueueName::ALL.to_vec(), |queue| vec![queue]),
            since_ms: self.since.map(|since| since.at(now_ms)),
            until_ms: self.until.map_or(now_ms, |until| until.at(now_ms).min(now_ms)),
            limit: self.limit.unwrap_or(limit),
            kind: self.kind.clone(),
            user: self.user.clone(),
            error: self.error.clone(),
        }
    }
}

impl Filter {
    /// The queues that are meant.
    pub(in crate::commands) fn queues(&self) -> &[QueueName] {
        &self.queues
    }

    /// Whether the letter, which is of a queue and a time that are meant, is meant.
    pub(super) fn wants(&self, letter: &IndexedJob) -> bool {
        self.kind.as_ref().is_none_or(|kind| *kind == letter.kind)
            && self.user.as_ref().is_none_or(|user| *user == letter.user)
            && self.error.as_ref().is_none_or(|error| error.is_match(&letter.code) || error.is_match(&letter.message))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    pub(in crate::commands::letters) struct Cli {
        #[command(flatten)]
        pub(in crate::commands::letters) filter: FilterArgs,
    }

    pub(in crate::commands::letters) fn letter(code: &str) -> IndexedJob {
        IndexedJob {
            name: "0190b8a0-0000-7000-8000-000000000000".to_owned(),
            at_ms: 5,
            state: Some(shared::job::JobState::Failed),
            kind: "generate-flashcards".to_owned(),
            user: "ada".to_owned(),
            class: "normal".to_owned(),
            attempts: 3,
            max_attempts: 3,
            created_at_ms: Some(1),
            ended_at_ms: Some(5),
            run_at_ms: None,
            code: code.to_owned(),
            message: "The upstream did not answer".to_owned(),
            requeued: 0,
            queue: Some(QueueName::Ai),
        }
    }

    fn filter(words: &[&str]) -> Filter {
        Cli::try_parse_from([&["unilingo"], words].concat()).unwrap().filter.at(1_000_000, 100)
    }

    #[test]
    fn a_letter_must_match_all_that_is_named() {
        let letter = letter("openai_timeout");
        for (words, wanted) in [
            (&[][..], true),
            (&["--kind", "generate-flashcards", "--user", "ada", "--error", "^openai_"], true),
            (&["--error", "did not answer$"], true),
            (&["--error", "^openai_$"], false),
            (&["--user", "ada", "--error", "refused"], false),
            (&["--user", "bob"], false),
            (&["--kind", "other"], false),
        ] {
            assert_eq!(filter(words).wants(&letter), wanted, "{words:?}");
        }
    }

    #[test]
    fn what_fails_from_now_on_is_not_meant() {
        assert_eq!(filter(&[]).until_ms, 1_000_000);
        assert_eq!(filter(&["--until", "2100-01-01"]).until_ms, 1_000_000);
        let part = filter(&["--since", "10m", "--until", "5m", "--limit", "7", "--queue", "audio-jobs"]);
        assert_eq!((part.since_ms, part.until_ms, part.limit), (Some(400_000), 700_000, 7));
        assert_eq!(part.queues, [QueueName::Audio]);
        assert_eq!((filter(&[]).limit, filter(&[]).queues.len()), (100, QueueName::ALL.len()));
    }

    #[test]
    fn what_is_no_expression_or_no_time_is_wrong_usage() {
        for words in [&["--error", "("][..], &["--since", "soon"], &["--limit", "0"], &["--queue", "ai"]] {
            let error = Cli::try_parse_from([&["unilingo"], words].concat()).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{words:?}");
        }
    }
}
