-- Fragment: what a group knows by times that mean nothing any more. Needs keys.lua.

-- What ends at a time. All of these are shorter than a window or a pause, after which they would be worked out anew.
local ENDS = { 'pause_until', 'warm_until', 'room_until', 'hold_until', 'watch_until', 'overuse_until', 'episode', 'taught_at' }

-- Brings what lies ahead of `now` back by `skew` ms, where the clock has gone back by that much, and no further than now.
local function bring_back(key, fields, now, skew)
  local f = redis.call('HMGET', key, unpack(fields))
  for i, name in ipairs(fields) do
    local at = tonumber(f[i])
    if at and at > now then redis.call('HSET', key, name, text(math.max(at + math.min(skew, 0), now))) end
  end
end

-- Empties the windows of a group: whoever calls this sees to it that no permit is given for one window.
local function forget_times(group, now, skew)
  local key = root .. ':limiter:' .. group
  redis.call('DEL', root .. ':permits:' .. group, root .. ':reserved:' .. group, root .. ':refused:' .. group)
  if redis.call('HEXISTS', key, 'rpm') == 1 then redis.call('HSET', key, 'tokens', '0') end
  redis.call('HDEL', key, 'next_at', 'why', 'passed', 'booked', 'booked_until')
  bring_back(key, ENDS, now, skew)
  bring_back(root .. ':breaker:' .. string.match(group, '^[^:]+'), { 'until', 'probe_until' }, now, skew)
end
