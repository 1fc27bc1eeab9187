//! `unilingo scale-advice`

use std::{fmt, process::ExitCode};

use clap::Args;
use serde::Serialize;
use shared::scaling::{Advice, Service, advise};

use super::{ScalingArgs, chosen};

const EXAMPLES: &str = "\
Examples:
  unilingo scale-advice
  unilingo scale-advice --max 5 --wait 30 --service flashcard-worker
  unilingo scale-advice --json | jq -r '.services[].command' | sh    does what is advised, on Railway

A worker waits for the upstream most of the time, so the upstream's limit decides how many of them it can feed. Where that is
what is short, the advice says so and names the limit to raise.";

/// How many replicas are needed.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ScaleAdviceArgs {
    /// Only for these; may be given several times
    #[arg(long, value_enum)]
    service: Vec<Service>,

    #[command(flatten)]
    scaling: ScalingArgs,
}

pub(crate) async fn run(args: ScaleAdviceArgs) -> anyhow::Result<ExitCode> {
    let ScaleAdviceArgs { service, scaling } = args;
    let look = scaling.fleet()?.look().await?;
    let wanted = chosen(&service, &Service::ALL);
    let advice = advise(&look, &scaling.bounds()).into_iter().filter(|advice| wanted.contains(&advice.service));
    let services: Vec<_> = advice.map(|advice| Advised { command: advice.railway(&scaling.region), advice }).collect();
    let shown = Shown { services };
    scaling.system.answer(&shown, &shown)
}

/// Advice as it is shown.
#[derive(Debug, Serialize)]
struct Shown {
    services: Vec<Advised>,
}

#[derive(Debug, Serialize)]
struct Advised {
    #[serde(flatten)]
    advice: Advice,
    command: String,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<21} {:>5} {:>7}  why", "service", "live", "needed")?;
        for Advised { advice, .. } in &self.services {
            let live = advice.live.map_or_else(|| "?".to_owned(), |live| live.to_string());
            write!(f, "\n{:<21} {live:>5} {:>7}  {}", advice.service.as_str(), advice.replicas, advice.text)?;
        }
        for Advised { advice, command } in &self.services {
            if advice.live != Some(advice.replicas) {
                write!(f, "\n  {command}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use shared::scaling::Reason;

    use super::*;

    #[test]
    fn shows_what_is_needed_and_the_line_that_does_it() {
        let advised = |service, live, replicas| {
            let (reason, limit, text) = (Reason::Wait, None, "because".to_owned());
            let advice = Advice { service, replicas, live, reason, limit, text };
            Advised { command: advice.railway("eu-west"), advice }
        };
        let services = vec![advised(Service::Api, None, 1), advised(Service::FlashcardWorker, Some(2), 2)];
        assert_eq!(
            Shown { services }.to_string(),
            "service                live  needed  why\n\
             api                       ?       1  because\n\
             flashcard-worker          2       2  because\n  \
               railway scale --service api eu-west=1"
        );
    }
}
