-- Fragment: whether this Redis knows of every permit. Needs keys.lua.
-- One that was restarted, or took a failed one's place, may have lost its last second of permits, and after a step of the clock
-- nobody knows which of them have slid out: no permit is given for one window. One without an epoch is new: it may have lost
-- all of them, and gives permits as soon as the workers that live have said when their last call was.

-- Workers that live report within this time.
local REPORT_MS = 4000

-- Milliseconds until permits of `group` may be given again, and why: `new_redis` or `redis_recovery`. nil where they may now.
-- `span` is the window with its guard band.
local function until_trusted(group, now, span)
  local key, info = root .. ':epoch', redis.pcall('INFO', 'server')
  local run_id = type(info) == 'string' and string.match(info, 'run_id:(%x+)') or 'unknown'
  local f = redis.call('HMGET', key, 'run_id', 'since', 'new', 'waits', 'last_call', 'stepped:' .. group)
  local since, new, stepped = tonumber(f[2]), f[3], math.min(tonumber(f[6]) or 0, now)
  if f[1] ~= run_id or not since then
    since, new = now, not f[1] and '1'
    redis.call('HSET', key, 'run_id', run_id, 'since', text(now))
    redis.call('HDEL', key, 'new', 'waits', 'last_call')
    if new then redis.call('HSET', key, 'new', new) end
  elseif since > now then
    since = now
    redis.call('HSET', key, 'since', text(now))
  end
  local ready, why = since + span, 'redis_recovery'
  if new then
    why = 'new_redis'
    if f[4] ~= '1' then ready = math.min(ready, math.max(since + REPORT_MS, (tonumber(f[5]) or 0) + span)) end
  end
  if stepped > 0 and stepped + span > ready then ready, why = stepped + span, 'redis_recovery' end
  if now < ready then return ready - now, why end
end

-- A worker says when its last call was (age in ms; -1: it has made none), and whether a new Redis is to wait for a whole window.
local function report_last_call(now, age, waits)
  local key = root .. ':epoch'
  local f = redis.call('HMGET', key, 'new', 'last_call')
  if not f[1] then return end
  if waits then redis.call('HSET', key, 'waits', '1') end
  if age >= 0 and now - age > (tonumber(f[2]) or 0) then redis.call('HSET', key, 'last_call', text(now - age)) end
end
