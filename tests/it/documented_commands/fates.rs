//! What a test does with each documented command.

use super::Command;

/// What becomes of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It runs, and ends with one of these codes.
    Runs(&'static [i32]),
    /// It runs until it is stopped, for so many seconds here.
    Stays(u64),
    /// It takes too long, or too much: what it says of itself is asked for instead, which takes the words that are known.
    Help,
    /// It can't run here, for this reason.
    Not(&'static str),
}

use Fate::{Help, Not, Runs, Stays};

const RAILWAY: &str = "needs an account at the platform and its CLI";
const CONTAINERS: &str =
    "needs a container engine, and base images from a registry; tests/it/deployment reads the files";
const A_KEY: &str = "needs an account at OpenAI, or a model on this machine; `lab dev` is the same with a simulator";
const BUILDS: &str = "builds everything: whoever runs this has done it";
const THIS: &str = "is what runs this test";

/// By what a command begins with; the first that fits counts. Each must fit a command.
pub(super) const FATES: &[(&str, Fate)] = &[
    ("./dev --text", Help),
    ("./dev", Help),
    ("./check", Not(THIS)),
    ("OPENAI_API_KEY=", Not(A_KEY)),
    ("OPENAI_BASE_URL=", Not(A_KEY)),
    ("cargo build --release", Not(BUILDS)),
    ("curl -s", Runs(&[0])),
    ("docker ", Not(CONTAINERS)),
    ("export PATH=", Runs(&[0])),
    ("npm ci --prefix .railway", Not("tests/railway.sh does it, in a folder that may be removed")),
    ("railway ", Not(RAILWAY)),
    ("target/release/lab bench", Help),
    ("tests/test-horizontal-scaling.sh", Runs(&[0])),
    ("unilingo autoscale", Stays(3)),
    // 3: there is no dead letter any more.
    ("unilingo dead", Runs(&[0, 3])),
    ("unilingo requeue", Runs(&[0, 3])),
    // 1: the system here believes whoever says who they are, and that is told.
    ("unilingo verify", Runs(&[1])),
    ("unilingo ", Runs(&[0])),
];

/// The place in [`FATES`] of what becomes of `command`.
pub(super) fn fate_of(command: &Command) -> usize {
    let place = FATES.iter().position(|(start, _)| command.text.starts_with(start));
    place.unwrap_or_else(|| panic!("nothing is said of {:?}: does it run here, or why not?", command.text))
}
