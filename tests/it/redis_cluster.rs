//! A whole system on a Redis Cluster whose slot moves from node to node under load.

use shared::testing::{RedisCluster, SlotMove, TestRedis};

use crate::harness::{Load, PATIENCE, System, fullest, lesson, long_forms};

/// The nodes that the slot moves to, one after another; the first node has it at first.
const SHORT: [usize; 3] = [1, 0, 1];
const LONG: [usize; 5] = [1, 2, 0, 2, 1];
const WINDOW_MS: u32 = 1_000;
const LIMIT: u32 = 40;

#[tokio::test]
async fn a_slot_that_moves_under_load_loses_nothing() {
    let (count, moves) = if long_forms() { (3, LONG.as_slice()) } else { (2, SHORT.as_slice()) };
    let (first, others) = RedisCluster::start(count).await.unwrap().split();
    let mut system = System::on(first).await;
    system.set("OPENAI_RATE_LIMIT_RPM", LIMIT);
    system.set("OPENAI_RATE_WINDOW_MS", WINDOW_MS);
    system.set("OPENAI_RATE_GUARD_MS", 400);
    let (mut api, mut a, mut b) = (system.api().await, system.worker("a").await, system.worker("b").await);
    let load = Load::start(&system.http, &api);
    let key = system.keys.root().to_owned();
    let nodes: Vec<&TestRedis> = std::iter::once(&system.redis).chain(others.nodes()).collect();
    let mut from = 0;
    for &to in moves {
        let before = u64::try_from(system.simulator.arrivals().len()).unwrap();
        tokio::time::timeout(PATIENCE, system.simulator.wait_for_calls(before + 5)).await.expect("calls");
        SlotMove::begin(&key, nodes[from], nodes[to]).await.unwrap().finish().await.unwrap();
        from = to;
    }
    let submitted = load.stop().await;
    api.until_ready(&system.http).await;
    assert!(submitted.accepted.len() > 10, "{submitted:?}");
    for id in &submitted.accepted {
        assert_eq!(system.end_of(&api, id).await["state"], "completed");
    }
    let arrivals = system.simulator.arrivals();
    assert!(
        arrivals.len() <= submitted.accepted.len() + submitted.refused,
        "{} calls for {submitted:?}",
        arrivals.len()
    );
    let most = fullest(&arrivals, WINDOW_MS);
    assert!(most <= LIMIT as usize, "{most} calls in a window");
    assert!(api.is_running() && a.is_running() && b.is_running(), "nobody is restarted");
}

#[tokio::test]
async fn a_slot_on_its_way_is_a_redis_that_does_not_serve_yet() {
    let (first, others) = RedisCluster::start(2).await.unwrap().split();
    let system = System::on(first).await;
    let api = system.api().await;
    api.until_ready(&system.http).await;
    let moving = SlotMove::begin(system.keys.root(), &system.redis, &others.nodes()[0]).await.unwrap();
    let refused = system.http.post(api.url("/api/v1/flashcards")).json(&lesson("x")).send().await.unwrap();
    assert_eq!((refused.status().as_u16(), refused.headers().contains_key("retry-after")), (503, true));
    let log = api.log();
    assert!(log.contains("does not serve yet") && log.contains("Ask: "), "{log}");
    // The importing node has asked for nothing of ours: it would run a script on half of the keys.
    let importing: String = others.nodes()[0].ask(&["INFO", "commandstats"]).await.unwrap();
    assert!(!importing.contains("cmdstat_eval") && !importing.contains("cmdstat_asking"), "{importing}");
    moving.finish().await.unwrap();
    api.until_ready(&system.http).await;
    system.submit(&api, "x").await;
    let address = format!("127.0.0.1:{}", others.nodes()[0].port());
    assert!(api.log().contains(&address), "no line says where it is connected now: {}", api.log());
}
