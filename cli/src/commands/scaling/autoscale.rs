//! `unilingo autoscale`

use std::{process::ExitCode, time::Duration};

use anyhow::Context;
use clap::Args;
use serde::Serialize;
use serde_json::Value;
use shared::{
    clock,
    fleet::Fleet,
    lifecycle::Lifecycle,
    scaling::{Reason, Service},
    timestamp::rfc3339,
};
use tokio::time::Instant;

use super::{
    ScalingArgs, chosen,
    exec::{self, Template},
    follow::{Followed, Step},
    seconds,
};
use crate::output;

const EXAMPLES: &str = "\
Examples:
  unilingo autoscale --dry-run
      says what it would do, and does nothing
  unilingo autoscale --min 1 --max 10 --exec 'railway scale --service {service} {region}={replicas}'
  unilingo autoscale --max 8 --exec 'kubectl scale deployment/{service} --replicas={replicas}'
  unilingo autoscale --service flashcard-worker --exec 'docker compose up -d --no-recreate --scale {service}={replicas} {service}'
  unilingo autoscale --once --json --exec './scale.sh {service} {replicas}'
      one round, from cron say; replicas are then taken away at once, since nobody remembers for how long fewer were enough

Workers are added at once, and taken away when fewer were enough for --down-after. One that is taken away must get SIGTERM and time
to finish (DRAIN_SECONDS). Not more are wanted than the upstream's limits can feed.";

/// Services that say how many of them live.
const WORKERS: [Service; 2] = [Service::FlashcardWorker, Service::PronunciationWorker];

/// Keeps as many replicas as are needed.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct AutoscaleArgs {
    /// What brings a service to a number of replicas: run by `sh -c` with {service}, {replicas} and {region} filled in
    #[arg(long, value_name = "COMMAND", value_parser = exec::template, required_unless_present = "dry_run")]
    exec: Option<Template>,

    /// Only these; may be given several times [default: the workers; api is scaled when it is named]
    #[arg(long, value_enum)]
    service: Vec<Service>,

    /// Time between two rounds, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "15", value_parser = seconds)]
    interval: Duration,

    /// For how long fewer replicas must have been enough before some are taken away, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = seconds)]
    down_after: Duration,

    /// How long replicas may take to come or go, in seconds; then those that live count
    #[arg(long, value_name = "SECONDS", default_value = "90", value_parser = seconds)]
    settle: Duration,

    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,

    /// One round
    #[arg(long)]
    once: bool,

    #[command(flatten)]
    scaling: ScalingArgs,
}

/// What happened to a service in a round; a line of `--json`.
#[derive(Debug, Serialize)]
struct Line {
    at: String,
    service: Service,
    current: Option<u32>,
    wanted: u32,
    reason: Reason,
    limit: Option<&'static str>,
    text: String,
    /// Where it was brought, or would be.
    scaled_to: Option<u32>,
    command: Option<String>,
    error: Option<String>,
}

pub(crate) async fn run(args: AutoscaleArgs) -> anyhow::Result<ExitCode> {
    let fleet = args.scaling.fleet()?;
    let lifecycle = Lifecycle::new();
    lifecycle.listen_for_signals(Duration::ZERO).context("signals can't be listened for")?;
    // Whoever asks once has no memory of what was enough before.
    let stable = if args.once { Duration::ZERO } else { args.down_after };
    let services = chosen(&args.service, &WORKERS).iter();
    let mut followed: Vec<_> = services.map(|service| Followed::new(*service, stable, args.settle)).collect();
    let (start, mut said, mut code) = (Instant::now(), Vec::new(), ExitCode::SUCCESS);
    let mut rounds = tokio::time::interval(args.interval.max(Duration::from_millis(50)));
    rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while lifecycle.drain().run_until_cancelled(rounds.tick()).await.is_some() {
        let lines = round(&args, &fleet, &mut followed, start).await;
        match lines {
            Ok(lines) => {
                if lines.iter().any(|line| line.error.is_some()) {
                    code = ExitCode::FAILURE;
                }
                tell(&args, &lines, &mut said)?;
            }
            Err(error) => {
                code = ExitCode::FAILURE;
                output::error(format_args!("The fleet can't be looked at, and is again in the next round: {error:#}"));
            }
        }
        if args.once {
            lifecycle.finish().await;
            return Ok(code);
        }
    }
    lifecycle.finish().await;
    Ok(ExitCode::SUCCESS)
}

/// Decides for every service, and does it.
async fn round(
    args: &AutoscaleArgs,
    fleet: &Fleet,
    followed: &mut [Followed],
    start: Instant,
) -> anyhow::Result<Vec<Line>> {
    let look = fleet.look().await?;
    let mut lines = Vec::new();
    for service in followed {
        let Some(step) = service.decide(start.elapsed(), &look, &args.scaling.bounds()) else { continue };
        lines.push(take(args, service, step, start).await);
    }
    Ok(lines)
}

/// Does what was decided. What fails is decided anew in the next round.
async fn take(args: &AutoscaleArgs, service: &mut Followed, step: Step, start: Instant) -> Line {
    let Step { advice, current, go_to } = step;
    let fill = |replicas| args.exec.as_ref().map(|exec| exec.fill(service.service, replicas, &args.scaling.region));
    let command = go_to.and_then(fill);
    let mut error = None;
    if let (Some(replicas), Some(command), false) = (go_to, &command, args.dry_run) {
        match exec::run(command).await {
            Ok(()) => service.went(start.elapsed(), replicas),
            Err(failure) => error = Some(format!("{failure:#}")),
        }
    }
    Line {
        at: rfc3339(clock::unix_ms()),
        service: service.service,
        current,
        wanted: advice.replicas,
        reason: advice.reason,
        limit: advice.limit,
        text: advice.text,
        scaled_to: go_to,
        command,
        error,
    }
}

/// Every line as JSON; as text only what is new.
fn tell(args: &AutoscaleArgs, lines: &[Line], said: &mut Vec<Said>) -> anyhow::Result<()> {
    for line in lines {
        if args.scaling.system.is_json() {
            let document: Value = serde_json::to_value(line)?;
            output::line(document);
            continue;
        }
        let new = (line.service, line.current, line.wanted, line.reason, line.scaled_to.is_some());
        if said.contains(&new) && line.scaled_to.is_none() {
            continue;
        }
        said.retain(|(service, ..)| *service != line.service);
        said.push(new);
        let service = line.service.as_str();
        let now = line.current.map_or_else(|| "?".to_owned(), |current| current.to_string());
        let done = match (line.scaled_to, args.dry_run) {
            (None, _) => format!("{now} replicas, {} needed", line.wanted),
            (Some(to), true) => format!("{now} → {to} replicas (dry run: nothing is done)"),
            (Some(to), false) => format!("{now} → {to} replicas"),
        };
        output::line(format_args!("{}  {service}: {done}: {}", line.at, line.text));
        if let Some(error) = &line.error {
            output::error(format_args!("{}  {service}: it failed, and is tried again: {error}", line.at));
        }
    }
    Ok(())
}

/// What text was written of a service.
type Said = (Service, Option<u32>, u32, Reason, bool);

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser, error::ErrorKind};

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        args: AutoscaleArgs,
    }

    #[test]
    fn a_command_is_needed_unless_nothing_is_to_be_done() {
        Cli::command().debug_assert();
        let error = Cli::try_parse_from(["autoscale"]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MissingRequiredArgument);
        Cli::try_parse_from(["autoscale", "--dry-run"]).unwrap();
        let words = ["autoscale", "--exec", "scale {replicas}", "--interval", "0.5", "--service", "api"];
        let args = Cli::try_parse_from(words).unwrap().args;
        assert_eq!((args.interval, args.service), (Duration::from_millis(500), vec![Service::Api]));
    }

    #[test]
    fn what_would_reach_the_shell_is_checked() {
        for (flag, value) in [("--exec", "scale"), ("--region", "eu;reboot"), ("--interval", "-1"), ("--max", "0")] {
            let words = ["autoscale", "--dry-run", flag, value];
            assert_eq!(Cli::try_parse_from(words).unwrap_err().exit_code(), 2, "{flag} {value}");
        }
    }
}
