-- Fragment: the circuit breaker of one provider, for the whole fleet. Needs keys.lua.
-- No hash: closed. `open` until a time; then `half_open`, in which one call at a time is let go as a probe.

local function open_breaker(provider, now)
  local key = root .. ':breaker:' .. provider
  local f = redis.call('HMGET', key, 'state', 'until', 'probe', 'probe_until', 'probe_ms', 'reason')
  return { key = key, provider = provider, now = now, state = f[1] or 'closed', until_ms = tonumber(f[2]) or 0,
    probe = f[3] or nil, probe_until = tonumber(f[4]) or 0, probe_ms = tonumber(f[5]) or 60000, reason = f[6] }
end

-- nil where a call may go, else {wait_ms, why}. `member` names the call: a probe is not refused by itself.
local function breaker_refusal(b, member)
  if b.state == 'closed' or (b.probe and b.probe == member) then return nil end
  if b.now < b.until_ms then return { b.until_ms - b.now, 'breaker' } end
  if b.probe and b.now < b.probe_until then return { b.probe_until - b.now, 'breaker' } end
end

-- Makes the call that is let go the probe, where one is due.
local function count_probe(b, member)
  if b.state == 'closed' or b.probe == member then return end
  b.state, b.probe, b.probe_until = 'half_open', member, b.now + b.probe_ms
  redis.call('HSET', b.key, 'state', b.state, 'probe', member, 'probe_until', text(b.probe_until))
end

local function trip(b, s, reason, for_good)
  local opens = tonumber(redis.call('HGET', b.key, 'opens')) or 0
  local wait = for_good and s.slow_ms or math.min(s.open_ms * 2 ^ math.min(opens, 20), s.open_max_ms)
  redis.call('HSET', b.key, 'state', 'open', 'until', text(b.now + wait), 'reason', reason, 'probe_ms', s.probe_ms,
    'opens', opens + 1, 'opened', text(b.now), 'successes', '0', 'for_good', for_good and '1' or '0')
  redis.call('HDEL', b.key, 'probe', 'probe_until')
  redis.call('DEL', root .. ':failures:' .. b.provider)
  return 'opened'
end

-- Takes up how a call ended: `ok`, `rejected` (the upstream works, this request does not), `limited`, `unsent`, `failed` or
-- `blocked` (by the account: for good). `s`: failures, failures_ms, open_ms, open_max_ms, successes, slow_ms, probe_ms.
-- Returns `opened`, `closed` or nil.
local function heed_end(b, s, member, ending, reason)
  local probe = b.probe == member
  if ending == 'blocked' then
    local again = b.state ~= 'closed' and redis.call('HGET', b.key, 'for_good') == '1'
    if again and not probe then return nil end
    return trip(b, s, reason, true)
  end
  if ending == 'failed' and (probe or b.state == 'closed') then
    if probe then return trip(b, s, reason, redis.call('HGET', b.key, 'for_good') == '1') end
    local failures = root .. ':failures:' .. b.provider
    redis.call('ZADD', failures, text(b.now), member)
    redis.call('ZREMRANGEBYSCORE', failures, '-inf', text(b.now - s.failures_ms))
    redis.call('PEXPIRE', failures, s.failures_ms)
    if redis.call('ZCARD', failures) >= s.failures then return trip(b, s, reason, false) end
    return nil
  end
  if not probe then return nil end
  redis.call('HDEL', b.key, 'probe', 'probe_until')
  if ending ~= 'ok' and ending ~= 'rejected' then return nil end
  local successes = redis.call('HINCRBY', b.key, 'successes', 1)
  if successes < s.successes and redis.call('HGET', b.key, 'for_good') ~= '1' then return nil end
  redis.call('DEL', b.key)
  return 'closed'
end
