//! How far the job is: a bar for those who watch, lines for a log.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;
use unilingo::output;

/// Without news, a line says after this long that there is none.
const QUIET: Duration = Duration::from_secs(15);

/// Shows what is going on.
#[derive(Debug)]
pub(super) enum Progress {
    Bar(ProgressBar),
    Lines { started: Instant, said: Option<(u8, String, Instant)> },
}

impl Progress {
    /// A bar on a terminal, lines elsewhere.
    pub(super) fn new() -> Self {
        if !output::is_terminal() {
            return Self::Lines { started: Instant::now(), said: None };
        }
        let bar = ProgressBar::new(100);
        // The template is ours and is right; with the default one the bar would only look different.
        if let Ok(style) = ProgressStyle::with_template("{spinner} [{bar:30}] {percent:>3} %  {elapsed}  {msg}") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Self::Bar(bar)
    }

    /// The job is at `percent`, and this is what happens.
    pub(super) fn show(&mut self, percent: u8, what: &str) {
        match self {
            Self::Bar(bar) => {
                bar.set_position(percent.into());
                bar.set_message(what.to_owned());
            }
            Self::Lines { started, said } => {
                let news = said
                    .as_ref()
                    .is_none_or(|(at, text, when)| *at != percent || text != what || when.elapsed() >= QUIET);
                if news {
                    output::line(format_args!("{percent:3} %  {what} ({} s)", started.elapsed().as_secs()));
                    *said = Some((percent, what.to_owned(), Instant::now()));
                }
            }
        }
    }

    /// Takes the bar away.
    pub(super) fn clear(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    /// Leaves no half-drawn bar behind, however the work has ended.
    fn drop(&mut self) {
        self.clear();
    }
}
