//! `bench audio`: what a recording costs a worker before it is sent on.

use std::{fs, path::PathBuf, process::ExitCode};

use clap::Args;
use shared::audio::prepare;
use tokio::time::Instant;
use unilingo::output;

use super::figures::{median, verdict};

/// Ten seconds of speech as a phone records it: AAC-LC, 44.1 kHz.
const PHONE: &[u8] = include_bytes!("../../../tests/audio/ten-seconds.m4a");
/// At most so long for those.
const GOAL_MS: f64 = 60.0;

/// How long decoding and resampling of a recording takes on one core.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lab bench audio\n  lab bench audio --rounds 500 --file recording.mp3")]
pub(crate) struct AudioArgs {
    /// How many times
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Another recording than the ten seconds of AAC that the goal is for
    #[arg(long)]
    file: Option<PathBuf>,
}

pub(super) fn run(args: &AudioArgs) -> anyhow::Result<ExitCode> {
    let recording = match &args.file {
        Some(file) => fs::read(file)?,
        None => PHONE.to_vec(),
    };
    let prepared = prepare(&recording)?;
    let mut times = Vec::new();
    for _ in 0..args.rounds {
        let start = Instant::now();
        std::hint::black_box(prepare(std::hint::black_box(&recording))?);
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let (middle, most) = (median(&times), times.iter().copied().fold(0.0, f64::max));
    let goal = match args.file {
        Some(_) => String::new(),
        None => format!(" (at most {GOAL_MS} ms): {}", verdict(middle <= GOAL_MS)),
    };
    output::line(format_args!(
        "{} ms of sound, {} bytes to {} bytes of {}: median {middle:.1} ms{goal}, longest {most:.1} ms of {} rounds",
        prepared.duration_ms,
        recording.len(),
        prepared.bytes.len(),
        prepared.content_type.as_str(),
        args.rounds
    ));
    Ok(ExitCode::SUCCESS)
}
