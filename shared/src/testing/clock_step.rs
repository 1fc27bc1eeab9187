//! A wall clock that tests move.

use std::{fs, io, path::Path, process::Command};

const SOURCE: &str = include_str!("clock_step.c");

/// The wall clock of a server, as far as it differs from that of the machine.
#[derive(Debug)]
pub(super) struct ClockStep {
    library: std::path::PathBuf,
    file: std::path::PathBuf,
}

impl ClockStep {
    /// Builds, in `folder`, what is loaded into the server. Needs a C compiler (`cc`), which Rust links with as well.
    pub(super) fn build(folder: &Path) -> io::Result<Self> {
        let [source, library, file] = ["clock_step.c", "clock_step.so", "clock_step"].map(|name| folder.join(name));
        fs::write(&source, SOURCE)?;
        fs::write(&file, 0_i64.to_ne_bytes())?;
        let built = Command::new("cc").args(["-shared", "-fPIC", "-O2", "-o"]).args([&library, &source]).status()?;
        if !built.success() {
            return Err(io::Error::other("cc could not build the library that moves a clock"));
        }
        Ok(Self { library, file })
    }

    /// Has the server that is about to be started load it.
    pub(super) fn prepare(&self, server: &mut tokio::process::Command) {
        server.env("LD_PRELOAD", &self.library).env("CLOCK_STEP_FILE", &self.file);
    }

    /// Sets the clock so many seconds ahead of the machine's, at once.
    pub(super) fn set(&self, seconds: i64) -> io::Result<()> {
        use std::io::Write;
        // In place: the server has the file mapped.
        fs::OpenOptions::new().write(true).open(&self.file)?.write_all(&seconds.to_ne_bytes())
    }
}
