//! From `main` to a command and back to an exit code.

use std::process::ExitCode;

use clap::Parser;
use shared::startup::without_secret;

use crate::output;

/// Parses the command line and does what it asks for. An error goes to standard error and ends the program with 1, wrong
/// usage with 2.
pub fn run_program<P, F>(run: impl FnOnce(P) -> F) -> ExitCode
where
    P: Parser,
    F: Future<Output = anyhow::Result<ExitCode>>,
{
    let parsed = match P::try_parse() {
        Ok(parsed) => parsed,
        // Help and version, or wrong usage: an address with its password is not repeated.
        Err(error) if error.use_stderr() => {
            output::error(without_secret(&error, &mut P::command()).trim_end());
            return ExitCode::from(2);
        }
        Err(error) => error.exit(),
    };
    shared::tls::install();
    let done = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(run(parsed)));
    done.unwrap_or_else(|error| {
        output::error(format_args!("error: {error:#}"));
        ExitCode::FAILURE
    })
}
