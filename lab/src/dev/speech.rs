//! The sample recording through the whole system.

use std::time::Duration;

use anyhow::Context;
use unilingo::assess::{Caller, Spoken, assess, shown};

use super::{DevArgs, client::USER};

/// Spoken by espeak-ng, encoded as phones do.
const RECORDING: &[u8] = include_bytes!("../../../tests/audio/speech.m4a");
const TEXT: &str = "The quick brown fox jumps.";

/// Has it assessed by the api at `api`; gives the table of its scores.
pub(super) async fn show(args: &DevArgs, api: &str, patience: Duration) -> anyhow::Result<String> {
    let by = if args.speech_simulated() { "SIMULATED scores" } else { "scores" };
    let spoken = Spoken { audio: RECORDING.to_vec(), text: TEXT, language: "en-US", prosody: false };
    let result = assess(&api.parse()?, Caller::User(USER.to_owned()), &spoken, patience).await.context("no scores")?;
    Ok(format!("A recording of “{TEXT}”, its {by}:\n\n{}\n", shown(&result)?))
}
