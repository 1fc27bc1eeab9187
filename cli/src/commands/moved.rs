//! Commands that were here once, and say where they are now.

use std::{ffi::OsString, process::ExitCode};

use clap::Args;

use crate::output;

/// Whatever is typed after a command that has moved.
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub(crate) struct MovedArgs {
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    _rest: Vec<OsString>,
}

/// Says that `command` is a command of `lab` now, which no image has. Exit code 2: this was wrong usage.
pub(super) fn to_lab(command: &str) -> ExitCode {
    output::error(format_args!(
        "`unilingo {command}` has moved: it is `lab {command}` now, in a checkout of the sources.\n\
         Build it with `cargo build --release --workspace --bins` and run `target/release/lab {command} --help`."
    ));
    ExitCode::from(2)
}
