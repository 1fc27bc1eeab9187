//! A whole system on a Redis Cluster whose slot moves from node to node under load.

use shared::testing::{RedisCluster, SlotMove};

use crate::harness::{Load, PATIENCE, System};

#[tokio::test]
async fn a_slot_that_moves_under_load_loses_nothing() {
    let (first, others) = RedisCluster::start(2).await.unwrap().split();
    let second = &others.nodes()[0];
    let system = System::on(first).await;
    let first = &system.redis;
    let (api, _a, _b) = (system.api().await, system.worker("a").await, system.worker("b").await);
    let load = Load::start(&system.http, &api);
    let key = system.keys.root().to_owned();
    for (from, to) in [(first, second), (second, first), (first, second)] {
        let before = u64::try_from(system.simulator.arrivals().len()).unwrap();
        tokio::time::timeout(PATIENCE, system.simulator.wait_for_calls(before + 5)).await.expect("calls");
        SlotMove::begin(&key, from, to).await.unwrap().finish().await.unwrap();
    }
    let submitted = load.stop().await;
    api.until_ready(&system.http).await;
    assert!(submitted.accepted.len() > 10, "{submitted:?}");
    for id in &submitted.accepted {
        assert_eq!(system.end_of(&api, id).await["state"], "completed");
    }
    let calls = system.simulator.arrivals().len();
    assert!(calls <= submitted.accepted.len() + submitted.refused, "{calls} calls for {submitted:?}");
}
