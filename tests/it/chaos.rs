//! Short forms of `lab chaos`, with seeds that stay. `./check --full` runs the long ones.

use tokio::process::Command;

use crate::harness::path_of;

/// The run prints each figure with what it is held against, and ends with 1 where one is missed.
async fn chaos(args: &[&str]) {
    let run = Command::new(path_of("lab")).arg("chaos").args(args).kill_on_drop(true).output().await.unwrap();
    let (shown, errors) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "chaos {args:?}: {}\n{shown}\n{errors}", run.status);
    assert!(shown.contains("lost 0 (0): ok"), "the books were not checked:\n{shown}");
}

#[tokio::test]
async fn workers_that_are_killed_lose_nothing() {
    chaos(&["kills", "--jobs", "500", "--seconds", "6", "--seed", "1"]).await;
}

#[tokio::test]
async fn everything_at_once_loses_nothing() {
    chaos(&["soak", "--seconds", "15", "--per-second", "20", "--seed", "7"]).await;
}

#[tokio::test]
async fn a_partition_loses_nothing_and_keeps_nobody_busy() {
    chaos(&["partition", "--pause-ms", "1000", "--stall-ms", "3000", "--per-second", "20"]).await;
}
