//! Logs and metrics.

mod labels;
pub mod metrics;
mod page;
mod panics;
mod process;

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{ConfigError, LogFormat, LoggingConfig};

pub use labels::{Label, LabelValue, combinations};
pub use page::{CONTENT_TYPE, Counters, Gauges, Histograms, Page};
pub use process::{CpuMeter, cores, cpu_time, show_process};

/// Starts logging to standard error, once in a process. From here on a panic is logged by its place alone.
///
/// # Errors
///
/// When the filter can't be read.
pub fn init(config: &LoggingConfig) -> Result<(), ConfigError> {
    process::remember_start();
    let filter = EnvFilter::try_new(&config.log).map_err(|error| ConfigError::new(format!("RUST_LOG: {error}")))?;
    let terminal = std::io::stderr().is_terminal();
    let format = config.log_format.unwrap_or(if terminal { LogFormat::Pretty } else { LogFormat::Json });
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(terminal);
    match format {
        LogFormat::Pretty => builder.init(),
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).init(),
    }
    panics::hide_messages();
    Ok(())
}
