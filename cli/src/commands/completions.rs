//! `unilingo completions`: what a shell needs to complete commands.

use std::process::ExitCode;

use clap::Args;
use clap_complete::{Shell, generate};

use crate::output;

const EXAMPLES: &str = "\
Examples:
  unilingo completions bash > ~/.local/share/bash-completion/completions/unilingo
  unilingo completions zsh > ~/.zfunc/_unilingo
  unilingo completions fish > ~/.config/fish/completions/unilingo.fish";

/// For which shell.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(args: &CompletionsArgs) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    generate(args.shell, &mut crate::cli(), "unilingo", &mut script);
    output::line(String::from_utf8(script)?.trim_end());
    Ok(ExitCode::SUCCESS)
}
