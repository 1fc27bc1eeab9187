//! The Redis of `lab dev`: one of its own, whose data outlives it.

use std::path::{Path, PathBuf};

use anyhow::Context;
use shared::{config::RedisConfig, redis::RedisPool};
use tokio::process::Command;

/// What every key begins with: the default of `QUEUE_PREFIX`.
pub(super) const PREFIX: &str = "unilingo";

/// The server to start: `chosen`, or what is on the PATH. Redis first: it is what most machines have.
pub(super) async fn find(chosen: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(chosen) = chosen {
        return Ok(chosen.to_owned());
    }
    for name in ["redis-server", "valkey-server"] {
        if Command::new(name).arg("--version").output().await.is_ok_and(|output| output.status.success()) {
            return Ok(name.into());
        }
    }
    anyhow::bail!("neither redis-server nor valkey-server is installed; ./dev installs one")
}

/// The server, not started yet: for this machine alone, with every write in a file, so that jobs outlive a restart.
pub(super) fn command(server: &Path, port: u16, data: &Path) -> Command {
    let mut command = Command::new(server);
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--daemonize", "no"]);
    command.arg("--dir").arg(data);
    command.args(["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""]);
    command.args(["--maxmemory-policy", "noeviction"]);
    command
}

/// Its address.
pub(super) fn url(port: u16) -> String {
    format!("redis://127.0.0.1:{port}")
}

/// Whether nothing was ever stored in it.
pub(super) async fn is_empty(pool: &RedisPool) -> anyhow::Result<bool> {
    let mut size = ::redis::pipe();
    size.cmd("DBSIZE");
    Ok(pool.query::<(u64,)>(&size).await?.0 == 0)
}

/// A connection by which to see whether it answers.
pub(super) fn pool(port: u16) -> anyhow::Result<RedisPool> {
    let redis_url = url(port).parse().context("an address of our own")?;
    Ok(RedisPool::new(&RedisConfig::new(redis_url, PREFIX))?)
}
