//! `unilingo assess`: a recording through the api, and its scores as a table.

mod client;
mod table;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context, bail, ensure};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::value::RawValue;
use shared::{config::Secret, job::kinds::AssessedPronunciation};
use tokio::time::{Instant, timeout};
use url::Url;

pub use self::client::Caller;
use self::client::Client;
use super::user_name::user_name;
use crate::output;

/// Larger than any that an api takes.
const FILE_MAX: u64 = 64 * 1024 * 1024;

const EXAMPLES: &str = "\
Examples:
  unilingo assess leaf.m4a --text \"The leaf turns to the light.\"
      with ./dev on this machine
  unilingo assess leaf.wav --text \"Das Blatt\" --language de-DE --prosody
  unilingo assess leaf.ogg --text \"The leaf\" --url https://api.example.com --token \"$TOKEN\" --json

Exit codes: 0 the scores are there, whatever they are; 1 there are none; 2 wrong usage";

/// What is assessed, and by whom.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct AssessArgs {
    /// The recording: WAV, M4A, MP3, FLAC, OGG or WebM, of 30 seconds at most
    file: PathBuf,

    /// What should have been read
    #[arg(long)]
    text: String,

    /// The language that is spoken, as a tag with a region
    #[arg(long, default_value = "en-US")]
    language: String,

    /// Assess rhythm and intonation as well
    #[arg(long)]
    prosody: bool,

    /// Where the api is
    #[arg(long, env = "UNILINGO_URL", default_value = "http://127.0.0.1:3001")]
    url: Url,

    /// A token, where the api wants one
    #[arg(long, env = "UNILINGO_TOKEN", hide_env_values = true)]
    token: Option<Secret>,

    /// The user, where the api believes what it is told
    #[arg(long, default_value = "me", value_parser = user_name)]
    user: String,

    /// How long to wait for the scores, in seconds
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    patience: u64,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// What is sent with a recording.
#[derive(Debug)]
pub struct Spoken<'a> {
    /// The recording, in any accepted format.
    pub audio: Vec<u8>,
    /// What should have been read.
    pub text: &'a str,
    /// The language that is spoken, as a tag with a region.
    pub language: &'a str,
    /// Whether rhythm and intonation are assessed as well.
    pub prosody: bool,
}

impl AssessArgs {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let Self { file, text, language, prosody, url, token, user, patience, json } = self;
        let length =
            tokio::fs::metadata(&file).await.with_context(|| format!("{} can't be read", file.display()))?.len();
        ensure!(length <= FILE_MAX, "{} has {length} bytes: no api takes that much", file.display());
        let audio = tokio::fs::read(&file).await.with_context(|| format!("{} can't be read", file.display()))?;
        let spoken = Spoken { audio, text: &text, language: &language, prosody };
        let caller = token.map_or(Caller::User(user), Caller::Token);
        let result = assess(&url, caller, &spoken, Duration::from_secs(patience)).await?;
        if json {
            output::line(result.get());
        } else {
            output::line(shown(&result)?);
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The scores of a recording, as a table.
///
/// # Errors
///
/// `result` is no result of an assessment.
pub fn shown(result: &RawValue) -> anyhow::Result<String> {
    let result: AssessedPronunciation = serde_json::from_str(result.get()).context("the scores can't be read")?;
    Ok(table::of(&result))
}

/// Has a recording assessed by the api at `url`.
///
/// # Errors
///
/// The api refuses the recording, the job does not end well, or it has not ended after `patience`.
pub async fn assess(
    url: &Url,
    caller: Caller,
    spoken: &Spoken<'_>,
    patience: Duration,
) -> anyhow::Result<Box<RawValue>> {
    let started = Instant::now();
    let client = Client::new(url.clone(), caller)?;
    let progress = if output::is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    progress.set_style(
        ProgressStyle::with_template("{spinner} {msg} ({elapsed})")
            .unwrap_or_else(|_| ProgressStyle::default_spinner()),
    );
    progress.enable_steady_tick(Duration::from_millis(100));
    progress.set_message("sending the recording");
    let id = client.submit(spoken).await?;
    let ended = async {
        loop {
            let job = client.job(&id).await?;
            match job.state.as_str() {
                "completed" => return job.result.context("the job is completed, but has no result"),
                "failed" | "cancelled" => bail!("the recording was not assessed: {}", job.reason()),
                state => progress.set_message(format!("{state}{}", job.after())),
            }
        }
    };
    let result = timeout(patience, ended).await;
    progress.finish_and_clear();
    result.unwrap_or_else(|_| {
        bail!(
            "job {id} has not ended after {} s; is a pronunciation-worker running? Look at it with `unilingo jobs show {id}`",
            started.elapsed().as_secs()
        )
    })
}
