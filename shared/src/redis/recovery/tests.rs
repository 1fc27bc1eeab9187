//! A pool through what Redis goes through.

use std::time::Duration;

use super::Trouble;
use crate::{
    config::RedisConfig,
    redis::{LuaScript, RedisPool},
    testing::{Proxy, RedisCluster, SlotMove, TestRedis, TestSentinels},
};

/// Long enough for everything that should happen.
const PATIENCE: Duration = Duration::from_secs(30);

static WRITE: LuaScript = LuaScript::new("write", "return redis.call('SET', KEYS[1], ARGV[1])");

fn pool_at(url: &str) -> RedisPool {
    RedisPool::new(&RedisConfig::new(url.parse().unwrap(), "test")).unwrap()
}

async fn until_well(pool: &RedisPool) {
    let asking = async {
        // A refused connection is known to be refused: that error comes without a wait.
        while pool.ping().await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.expect("Redis is back, and the pool does not see it");
}

async fn write(pool: &RedisPool) -> Result<String, crate::redis::UnavailableError> {
    write_to(pool, "{test}:written").await
}

async fn write_to(pool: &RedisPool, key: &str) -> Result<String, crate::redis::UnavailableError> {
    let mut call = WRITE.call();
    call.key(key).arg("1");
    pool.run(&call).await
}

async fn command(redis: &TestRedis, words: &[&str]) {
    let mut command = redis::Cmd::new();
    command.arg(words).exec_async(&mut redis.patient_pool().connection()).await.unwrap();
}

#[tokio::test]
async fn the_first_command_after_an_outage_is_answered() {
    let mut redis = TestRedis::start().await.unwrap();
    let pool = redis.pool();
    pool.ping().await.unwrap();
    redis.kill().await.unwrap();
    for _ in 0..3 {
        pool.ping().await.unwrap_err();
    }
    let replaced = pool.replacement();
    redis.start_again().await.unwrap();
    tokio::time::timeout(PATIENCE, replaced).await.unwrap();
    pool.ping().await.unwrap();
}

#[tokio::test]
async fn a_script_that_must_be_sent_in_full_has_no_more_time_than_any_other() {
    let redis = TestRedis::start().await.unwrap();
    let proxy = Proxy::start(redis.port()).await.unwrap();
    let pool = pool_at(&proxy.redis_url());
    pool.ping().await.unwrap();
    // Each exchange is quick enough, and not known yet, sent and run are three of them.
    proxy.delay(Duration::from_millis(350));
    let error = write(&pool).await.unwrap_err();
    assert_eq!(Trouble::of(&error.source), Some(Trouble::Away), "{:?}", error.source);
    proxy.delay(Duration::ZERO);
    until_well(&pool).await;
    write(&pool).await.unwrap();
}

#[tokio::test]
async fn a_demoted_server_is_left_for_the_one_that_takes_writes() {
    let (first, second) = (TestRedis::start().await.unwrap(), TestRedis::start().await.unwrap());
    let proxy = Proxy::start(first.port()).await.unwrap();
    let pool = pool_at(&proxy.redis_url());
    write(&pool).await.unwrap();
    proxy.switch_to(second.port());
    command(&first, &["REPLICAOF", "127.0.0.1", &second.port().to_string()]).await;
    // The connection still leads to the first one, which answers, and takes no writes.
    let error = write(&pool).await.unwrap_err();
    assert_eq!(Trouble::of(&error.source), Some(Trouble::Demoted), "{:?}", error.source);
    until_well(&pool).await;
    write(&pool).await.unwrap();
}

#[tokio::test]
async fn while_every_server_is_a_replica_it_is_not_well_and_does_not_spin() {
    let redis = TestRedis::start().await.unwrap();
    let pool = redis.pool();
    pool.ping().await.unwrap();
    // A master that is not there: the replica has no data to give, and takes no writes.
    command(&redis, &["REPLICAOF", "127.0.0.1", "1"]).await;
    pool.ping().await.unwrap_err();
    let connections = |stats: &str| -> u64 {
        let line = stats.lines().find_map(|line| line.strip_prefix("total_connections_received:"));
        line.unwrap().parse().unwrap()
    };
    let mut info = redis::Cmd::new();
    info.arg(&["INFO", "stats"]);
    let mut asking = redis.patient_pool().connection();
    let before = connections(&info.query_async::<String>(&mut asking).await.unwrap());
    let replaced = tokio::time::timeout(Duration::from_secs(3), pool.replacement()).await;
    assert!(replaced.is_err(), "a replica took the place of a replica");
    pool.ping().await.unwrap_err();
    let after = connections(&info.query_async::<String>(&mut asking).await.unwrap());
    let tried = after - before;
    assert!((1..=12).contains(&tried), "{tried} connections in three seconds");
    command(&redis, &["REPLICAOF", "NO", "ONE"]).await;
    until_well(&pool).await;
}

#[tokio::test]
async fn a_partition_that_is_over_is_over_at_once() {
    let redis = TestRedis::start().await.unwrap();
    let proxy = Proxy::start(redis.port()).await.unwrap();
    let pool = pool_at(&proxy.redis_url());
    pool.ping().await.unwrap();
    proxy.stall();
    pool.ping().await.unwrap_err();
    let replaced = pool.replacement();
    proxy.restore();
    tokio::time::timeout(PATIENCE, replaced).await.unwrap();
    pool.ping().await.unwrap();
}

#[tokio::test]
async fn scripts_that_the_server_has_forgotten_are_sent_again() {
    let redis = TestRedis::start().await.unwrap();
    let pool = redis.pool();
    write(&pool).await.unwrap();
    command(&redis, &["SCRIPT", "FLUSH"]).await;
    write(&pool).await.unwrap();
}

#[tokio::test]
async fn a_password_that_is_set_right_later_is_enough() {
    let redis = TestRedis::start().await.unwrap();
    command(&redis, &["ACL", "SETUSER", "worker", "on", ">other", "~*", "+@all"]).await;
    let pool = pool_at(&format!("redis://worker:pass%2Fword@127.0.0.1:{}", redis.port()));
    let error = pool.ping().await.unwrap_err();
    assert_eq!(Trouble::of(&error.source), Some(Trouble::Refused), "{:?}", error.source);
    assert!(!format!("{:?}", error.source).contains("word@") && !error.source.to_string().contains("pass/word"));
    command(&redis, &["ACL", "SETUSER", "worker", ">pass/word"]).await;
    until_well(&pool).await;
}

#[tokio::test]
async fn a_connection_that_was_closed_while_it_was_silent_fails_nobody() {
    let redis = TestRedis::start().await.unwrap();
    let pool = redis.pool();
    write(&pool).await.unwrap();
    command(&redis, &["CONFIG", "SET", "timeout", "3"]).await;
    let mut looking = redis.patient_pool().connection();
    let alone = async {
        let mut list = redis::Cmd::new();
        list.arg(&["CLIENT", "LIST", "TYPE", "normal"]);
        while list.query_async::<String>(&mut looking).await.unwrap().lines().count() > 1 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, alone).await.expect("Redis closes what is silent");
    for answer in futures_util::future::join_all((0..12).map(|_| write(&pool))).await {
        assert_eq!(answer.unwrap(), "OK");
    }
    pool.ping().await.unwrap();
}

#[tokio::test]
async fn the_node_that_serves_our_slot_is_followed() {
    let cluster = RedisCluster::start(2).await.unwrap();
    let [first, second] = cluster.nodes() else { panic!("two nodes") };
    let pool = first.pool();
    // In the slot of all that the pool is for.
    let (replaced, key) = (pool.replacement(), "{unilingo}:written");
    write_to(&pool, key).await.unwrap();
    let moving = SlotMove::begin(key, first, second).await.unwrap();
    // A script on the importing node would see half of the keys: what is in between does not serve.
    pool.ping().await.unwrap_err();
    moving.finish().await.unwrap();
    tokio::time::timeout(PATIENCE, replaced).await.expect("the pool turns to the other node");
    write_to(&pool, key).await.unwrap();
    let mut blocking = pool.blocking_connection().await.unwrap();
    let mut get = redis::Cmd::new();
    assert_eq!(get.arg(&["GET", key]).query_async::<String>(&mut blocking).await.unwrap(), "1", "on the new node");
    pool.subscriber().await.unwrap();
}

#[tokio::test]
async fn another_node_is_asked_when_that_of_the_url_is_gone() {
    let mut cluster = RedisCluster::start(2).await.unwrap();
    cluster.add_replica_of(0).await.unwrap();
    let (mut first, others) = cluster.split();
    let (pool, key) = (first.pool(), "{unilingo}:written");
    let replaced = pool.replacement();
    write_to(&pool, key).await.unwrap();
    others.nodes()[1].until_as_new_as(&first).await.unwrap();
    // So that the pool has had its answer: the nodes are asked for once the first command is answered.
    let asked = async {
        while !first.ask::<String>(&["INFO", "commandstats"]).await.unwrap().contains("cmdstat_cluster|slots") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.expect("the pool asks for the nodes");
    write_to(&pool, key).await.unwrap();
    others.nodes()[1].until_as_new_as(&first).await.unwrap();
    first.kill().await.unwrap();
    write_to(&pool, key).await.unwrap_err();
    let _: () = others.nodes()[1].ask(&["CLUSTER", "FAILOVER", "TAKEOVER"]).await.unwrap();
    tokio::time::timeout(PATIENCE, replaced).await.expect("the pool finds the replica that took over");
    write_to(&pool, key).await.unwrap();
    let here: String = others.nodes()[1].ask(&["GET", key]).await.unwrap();
    assert_eq!(here, "1");
}

/// A primary with its replica, and Sentinels that know them.
async fn trio(password: Option<&str>) -> (TestRedis, TestRedis, TestSentinels) {
    let (primary, replica) = (TestRedis::start().await.unwrap(), TestRedis::start().await.unwrap());
    replica.follow(&primary).await.unwrap();
    let sentinels = TestSentinels::start(&primary, password).await.unwrap();
    (primary, replica, sentinels)
}

#[tokio::test]
async fn a_primary_that_was_replaced_is_left_by_those_who_send_nothing() {
    let (_primary, replica, sentinels) = trio(None).await;
    let pool = pool_at(&sentinels.url());
    assert_eq!(write(&pool).await.unwrap(), "OK", "the first command is answered");
    let mut blocking = pool.blocking_connection().await.unwrap();
    redis::Cmd::new().arg("PING").exec_async(&mut blocking).await.unwrap();
    let replaced = pool.replacement();
    sentinels.fail_over().await.unwrap();
    // Nobody sends anything: no error could tell.
    tokio::time::timeout(PATIENCE, replaced).await.expect("the pool turns to the new primary");
    assert!(replica.is_primary().await.unwrap());
    let mut set = redis::Cmd::new();
    let mut blocking = pool.blocking_connection().await.unwrap();
    set.arg(&["SET", "{test}:new", "2"]).exec_async(&mut blocking).await.unwrap();
    assert_eq!(replica.ask::<String>(&["GET", "{test}:new"]).await.unwrap(), "2");
    write(&pool).await.unwrap();
}

#[tokio::test]
async fn one_sentinel_that_answers_is_enough() {
    let (primary, _replica, mut sentinels) = trio(Some("pw-of-sentinels")).await;
    let pool = |url: &str, password: &str| {
        let config = RedisConfig::new(url.parse().unwrap(), "test");
        RedisPool::new(&RedisConfig { redis_sentinel_password: Some(password.parse().unwrap()), ..config }).unwrap()
    };
    let url = sentinels.url();
    let error = pool(&url, "wrong-pw").blocking_connection().await.unwrap_err();
    assert!(!format!("{error:?}").contains("wrong-pw"), "{error:?}");
    pool(&url, "pw-of-sentinels").ping().await.unwrap();
    sentinels.kill(0).await.unwrap();
    sentinels.kill(1).await.unwrap();
    // Beside them, one address leads to no Sentinel, and nobody is at another.
    let hosts = format!("redis-sentinel://127.0.0.1:{},127.0.0.1:1,", primary.port());
    pool(&url.replace("redis-sentinel://", &hosts), "pw-of-sentinels").ping().await.unwrap();
    let unknown = pool(&url.replace("/uni", "/other"), "pw-of-sentinels");
    unknown.ping().await.unwrap_err();
    assert!(unknown.subscriber().await.is_err());
}
