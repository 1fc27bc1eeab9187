//! Steps of Redis' clock.

use crate::redis::{Asked, Keys, LuaScript, RedisPool, lua_script, millis};
use std::time::Duration;

use super::Group;

static STEP: LuaScript = lua_script!("limiter/step");

/// Takes up the time that an answer to a worker of `queue` tells, and reports the step that it shows. Until the fleet has
/// decided about it, this process gets no permits.
pub(crate) async fn heed_clock(
    redis: &RedisPool,
    keys: &Keys,
    (queue, group): (&str, &Group),
    lease: Duration,
    (asked, now_ms): (Asked, i64),
) {
    let clock = redis.clock();
    let Some(step) = clock.heard(asked, now_ms) else { return };
    let mut call = STEP.call();
    call.key(keys.root())
        .arg(queue)
        .arg(clock.process())
        .arg(group.as_str())
        .arg(step.skew_ms)
        .arg(millis(lease))
        .arg(step.known.map(|known| known.to_string()).unwrap_or_default());
    let (skew_ms, group) = (step.skew_ms, group.as_str());
    match redis.run::<(String, String, u64)>(&call).await {
        Ok((_, decided, steps)) => {
            if decided != "open" {
                clock.accept(&step, steps);
            }
            match decided.as_str() {
                "believed" => tracing::error!(
                    limiter.group = group,
                    skew_ms,
                    "Redis' clock has stepped: no permit is given for one window, and leases are held for one lease. Keep the clock of \
                     Redis' machine in step with NTP, which slews it"
                ),
                "known" => {
                    tracing::warn!(limiter.group = group, skew_ms, "Redis' clock has stepped, as others have seen");
                }
                "refuted" => tracing::warn!(
                    limiter.group = group,
                    skew_ms,
                    "This machine's clock has stepped, or stood still, and not that of Redis: others see no step"
                ),
                _ => tracing::debug!(
                    limiter.group = group,
                    skew_ms,
                    "Redis' clock may have stepped: others are heard first"
                ),
            }
        }
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                skew_ms,
                "A step of Redis' clock could not be reported"
            );
        }
    }
}
