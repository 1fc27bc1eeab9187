//! `bench http`: requests a second of the api, beside a peer's.

mod load;
mod requests;
mod side;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Args;
use unilingo::output;

use self::{
    load::{Load, Measured},
    requests::Requests,
    side::Side,
};
use super::figures::{median, verdict};

/// What the api is held to beside the peer: at least so many times its requests a second, and at most this share of its p99.
const POST_GOAL: f64 = 1.5;
const GET_GOAL: f64 = 2.5;
const P99_GOAL: f64 = 0.5;

/// Requests a second of the api.
#[derive(Debug, Args)]
#[command(
    after_help = "The peer's folder holds node/server.mjs, node/worker.mjs with their packages, and mock/upstream.mjs.\n\n\
        Examples:\n  lab bench http\n  lab bench http --peer /tmp/peers --seconds 8 --rounds 3"
)]
pub(crate) struct HttpArgs {
    /// Folder of a peer that is measured in turn
    #[arg(long)]
    peer: Option<PathBuf>,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// Rounds; in each, every system is measured once, in turn
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Connections that ask at once
    #[arg(long, default_value_t = 50)]
    connections: usize,
    /// Users; every request comes from the next one
    #[arg(long, default_value_t = 10_000)]
    users: usize,
}

pub(super) async fn run(args: HttpArgs) -> anyhow::Result<ExitCode> {
    let requests = Requests::new(args.users)?;
    let mut sides = vec![Side::ours(args.peer.as_deref(), &requests).await?];
    if let Some(folder) = &args.peer {
        sides.push(Side::peer(folder, &requests).await?);
    }
    let load = |of_job| Load { connections: args.connections, time: Duration::from_secs(args.seconds), of_job };
    for (name, goal, of_job) in [("GET of a finished job", GET_GOAL, true), ("POST of a new job", POST_GOAL, false)] {
        let mut rounds: Vec<Vec<Measured>> = sides.iter().map(|_| Vec::new()).collect();
        for round in 1..=args.rounds {
            for (side, measured) in sides.iter_mut().zip(&mut rounds) {
                let one = side.measure(&requests, load(of_job)).await?;
                output::line(format_args!("round {round}, {name}, {:<5} {one}", side.name()));
                measured.push(one);
            }
        }
        report(name, goal, &rounds);
    }
    Ok(ExitCode::SUCCESS)
}

fn report(name: &str, goal: f64, rounds: &[Vec<Measured>]) {
    let of =
        |measured: &[Measured], value: fn(&Measured) -> f64| median(&measured.iter().map(value).collect::<Vec<_>>());
    let ours = &rounds[0];
    output::line(format_args!(
        "http, {name}: median {:.0} requests/s, p50 {:.2} ms, p99 {:.2} ms",
        of(ours, |one| one.per_second),
        of(ours, |one| one.p50_ms),
        of(ours, |one| one.p99_ms),
    ));
    let Some(peer) = rounds.get(1) else { return };
    let ratio = |value: fn(&Measured) -> f64| {
        median(&ours.iter().zip(peer).map(|(one, other)| value(one) / value(other)).collect::<Vec<_>>())
    };
    let (more, slowest) = (ratio(|one| one.per_second), ratio(|one| one.p99_ms));
    output::line(format_args!(
        "http, {name}: {more:.2} × the peer's {:.0} requests/s (median of pairs, at least {goal} ×): {}",
        of(peer, |one| one.per_second),
        verdict(more >= goal)
    ));
    output::line(format_args!(
        "http, {name}: p99 {slowest:.2} × the peer's {:.2} ms (at most {P99_GOAL} ×): {}",
        of(peer, |one| one.p99_ms),
        verdict(slowest <= P99_GOAL)
    ));
}
