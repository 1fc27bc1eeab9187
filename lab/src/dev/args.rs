//! What `lab dev` can be told.

use std::path::PathBuf;

use clap::Args;

/// Start the whole system on this machine, make flashcards of a lesson and have a recording assessed.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  lab dev\n  lab dev --once --text my-lesson.txt\n  lab dev --workers 4 --port 4001"
)]
pub(crate) struct DevArgs {
    /// Leave when the cards are shown; the exit code says whether that worked
    #[arg(long)]
    pub(super) once: bool,

    /// Worker processes
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(super) workers: u16,

    /// A lesson text of your own
    #[arg(long, value_name = "FILE")]
    pub(super) text: Option<PathBuf>,

    /// The api's port; the workers follow it
    #[arg(long, value_name = "N", default_value_t = 3001, value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) port: u16,

    /// Where data and logs are kept
    #[arg(long, value_name = "DIR", default_value = ".dev", overrides_with = "dir")]
    pub(super) dir: PathBuf,

    /// Redis or Valkey [default: what is on the PATH]
    #[arg(long, value_name = "FILE", overrides_with = "redis_server")]
    pub(super) redis_server: Option<PathBuf>,

    /// With a key, the cards come from OpenAI; without one, and without a base URL, from a simulator
    #[arg(long, env = "OPENAI_API_KEY", default_value = "", hide_env_values = true, hide_default_value = true)]
    pub(super) openai_api_key: String,

    /// Any server that speaks the chat completions API
    #[arg(long, env = "OPENAI_BASE_URL", default_value = "", hide_default_value = true)]
    pub(super) openai_base_url: String,

    /// With a key and a region, recordings are assessed by Azure; without them, and without a base URL, by a simulator
    #[arg(long, env = "AZURE_SPEECH_KEY", default_value = "", hide_env_values = true, hide_default_value = true)]
    pub(super) azure_speech_key: String,

    /// Region of the Speech resource
    #[arg(long, env = "AZURE_SPEECH_REGION", default_value = "", hide_default_value = true)]
    pub(super) azure_speech_region: String,

    /// Any server that speaks Azure's REST API for short audio
    #[arg(long, env = "AZURE_SPEECH_BASE_URL", default_value = "", hide_default_value = true)]
    pub(super) azure_speech_base_url: String,

    /// How long the legacy flashcards path waits for the cards, in seconds
    #[arg(long, env = "LEGACY_WAIT_SECONDS", default_value = "55")]
    pub(super) legacy_wait_seconds: String,

    /// The shape of the lines in the log files
    #[arg(long, env = "LOG_FORMAT", default_value = "pretty")]
    pub(super) log_format: String,
}

impl DevArgs {
    /// Whether the cards come from our own simulator.
    pub(super) fn simulated(&self) -> bool {
        self.openai_api_key.is_empty() && self.openai_base_url.is_empty()
    }

    /// Whether recordings are assessed by our own simulator.
    pub(super) fn speech_simulated(&self) -> bool {
        self.azure_speech_key.is_empty() && self.azure_speech_base_url.is_empty()
    }
}

impl std::fmt::Debug for DevArgs {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DevArgs").field("once", &self.once).field("workers", &self.workers).finish_non_exhaustive()
    }
}
