//! `unilingo`: the operator's command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    unilingo::main()
}
