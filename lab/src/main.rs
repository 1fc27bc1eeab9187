//! `lab`: the whole system on one machine, for those who work on it. It is not shipped: images have `unilingo`.

mod bench;
mod chaos;
mod dev;
mod numbered;
mod process;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Runs UniLingo on this machine: to try it, to measure it, to break it
#[derive(Debug, Parser)]
#[command(name = "lab", version)]
struct Lab {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the whole system on this machine and make flashcards of a lesson
    Dev(dev::DevArgs),
    /// Measure and print figures
    #[command(subcommand)]
    Bench(bench::BenchCommand),
    /// Kill, stop and cut off a whole system of real processes, and check that nothing is lost
    #[command(subcommand)]
    Chaos(chaos::ChaosCommand),
}

fn main() -> ExitCode {
    unilingo::run_program(|lab: Lab| async {
        match lab.command {
            Command::Dev(args) => dev::run(args).await,
            Command::Bench(command) => command.run().await,
            Command::Chaos(command) => command.run().await,
        }
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Lab;

    fn without_examples(command: &clap::Command, path: &str, found: &mut Vec<String>) {
        let mut leaf = true;
        for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
            leaf = false;
            without_examples(below, &format!("{path} {}", below.get_name()), found);
        }
        let help = command.clone().render_long_help().to_string();
        if leaf && !command.is_hide_set() && !help.contains("Example") {
            found.push(path.to_owned());
        }
    }

    #[test]
    fn every_command_has_examples() {
        let mut lab = Lab::command();
        lab.clone().debug_assert();
        lab.build();
        let mut found = Vec::new();
        without_examples(&lab, "lab", &mut found);
        assert_eq!(found, Vec::<String>::new());
    }
}
