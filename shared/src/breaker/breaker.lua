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
