//! A Redis Cluster of one's own.

use std::{io, time::Duration};

use redis::{FromRedisValue, RedisResult};
use tokio::time::{sleep, timeout};

use super::TestRedis;

const SLOTS: u16 = 16_384;
/// How long the nodes may take to know each other.
const JOIN_PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Keys that are moved at a time.
const MOVED_AT_ONCE: &str = "100";

/// Nodes that know each other. The first serves nearly every slot at first; each other one serves one, since a node that
/// loses its last slot becomes a replica.
#[derive(Debug)]
pub struct RedisCluster {
    nodes: Vec<TestRedis>,
}

impl RedisCluster {
    /// A cluster of so many nodes, none of which is a replica.
    ///
    /// # Errors
    ///
    /// When no server is installed, or the nodes do not come together.
    pub async fn start(nodes: usize) -> io::Result<Self> {
        let mut cluster = Self { nodes: Vec::new() };
        for _ in 0..nodes {
            cluster.nodes.push(TestRedis::cluster_node().await?);
        }
        let first = &cluster.nodes[0];
        let mut slots: Vec<String> = (0..SLOTS).map(|slot| slot.to_string()).collect();
        let others = slots.split_off(slots.len() - (nodes - 1));
        let words: Vec<&str> = ["CLUSTER", "ADDSLOTS"].into_iter().chain(slots.iter().map(String::as_str)).collect();
        ask::<()>(first, &words).await.map_err(io::Error::other)?;
        for (node, slot) in cluster.nodes[1..].iter().zip(&others) {
            ask::<()>(node, &["CLUSTER", "ADDSLOTS", slot]).await.map_err(io::Error::other)?;
            let port = node.port().to_string();
            ask::<()>(first, &["CLUSTER", "MEET", "127.0.0.1", &port]).await.map_err(io::Error::other)?;
        }
        timeout(JOIN_PATIENCE, cluster.joined()).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?;
        Ok(cluster)
    }

    /// The nodes, in order of their start.
    #[must_use]
    pub fn nodes(&self) -> &[TestRedis] {
        &self.nodes
    }

    /// Takes the first node and leaves the others here.
    #[must_use]
    pub fn split(mut self) -> (TestRedis, Self) {
        (self.nodes.remove(0), self)
    }

    /// One node more, a replica of the node at this place, which has all that it has. Every node knows it.
    ///
    /// # Errors
    ///
    /// When no server is installed, or the nodes do not come together.
    pub async fn add_replica_of(&mut self, place: usize) -> io::Result<()> {
        let replica = TestRedis::cluster_node().await?;
        let port = replica.port().to_string();
        let primary: String = ask(&self.nodes[place], &["CLUSTER", "MYID"]).await.map_err(io::Error::other)?;
        ask::<()>(&self.nodes[0], &["CLUSTER", "MEET", "127.0.0.1", &port]).await.map_err(io::Error::other)?;
        self.nodes.push(replica);
        let replica = &self.nodes[self.nodes.len() - 1];
        let following = async {
            self.joined().await;
            // Refused until the gossip has reached it.
            while ask::<()>(replica, &["CLUSTER", "REPLICATE", &primary]).await.is_err() {
                sleep(LOOK_EVERY).await;
            }
            for node in &self.nodes {
                let known = async || ask::<String>(node, &["CLUSTER", "NODES"]).await.unwrap_or_default();
                while !known().await.lines().any(|line| line.contains("slave") && line.contains(&primary)) {
                    sleep(LOOK_EVERY).await;
                }
            }
            replica.until_as_new_as(&self.nodes[place]).await
        };
        let followed = timeout(JOIN_PATIENCE, following).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?;
        followed.map_err(io::Error::other)
    }

    async fn joined(&self) {
        for node in &self.nodes {
            let well = async || {
                let state: String = ask(node, &["CLUSTER", "INFO"]).await.unwrap_or_default();
                let known: String = ask(node, &["CLUSTER", "NODES"]).await.unwrap_or_default();
                let connected = known.lines().filter(|line| line.contains(" connected")).count();
                state.contains("cluster_state:ok") && connected >= self.nodes.len()
            };
            while !well().await {
                sleep(LOOK_EVERY).await;
            }
        }
    }
}

/// The slot of a key on its way from one node to another.
#[derive(Debug)]
pub struct SlotMove<'a> {
    from: &'a TestRedis,
    to: &'a TestRedis,
    slot: String,
    target: String,
}

impl<'a> SlotMove<'a> {
    /// Begins to move the slot of `key`: from now on the old node serves those keys that it still has.
    ///
    /// # Errors
    ///
    /// When a node does not do so.
    pub async fn begin(key: &str, from: &'a TestRedis, to: &'a TestRedis) -> RedisResult<Self> {
        let slot = ask::<u16>(from, &["CLUSTER", "KEYSLOT", key]).await?.to_string();
        let source: String = ask(from, &["CLUSTER", "MYID"]).await?;
        let target: String = ask(to, &["CLUSTER", "MYID"]).await?;
        ask::<()>(to, &["CLUSTER", "SETSLOT", &slot, "IMPORTING", &source]).await?;
        ask::<()>(from, &["CLUSTER", "SETSLOT", &slot, "MIGRATING", &target]).await?;
        Ok(Self { from, to, slot, target })
    }

    /// Moves every key, and tells both nodes who serves the slot now.
    ///
    /// # Errors
    ///
    /// When a node does not do so.
    pub async fn finish(self) -> RedisResult<()> {
        let port = self.to.port().to_string();
        loop {
            let keys: Vec<String> = ask(self.from, &["CLUSTER", "GETKEYSINSLOT", &self.slot, MOVED_AT_ONCE]).await?;
            if keys.is_empty() {
                break;
            }
            let words = ["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
            let words: Vec<&str> = words.into_iter().chain(keys.iter().map(String::as_str)).collect();
            ask::<()>(self.from, &words).await?;
        }
        for node in [self.to, self.from] {
            ask::<()>(node, &["CLUSTER", "SETSLOT", &self.slot, "NODE", &self.target]).await?;
        }
        Ok(())
    }
}

async fn ask<T: FromRedisValue>(node: &TestRedis, words: &[&str]) -> RedisResult<T> {
    node.ask(words).await
}
