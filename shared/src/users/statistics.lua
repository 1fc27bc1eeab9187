-- Reads what all users did, day by day.
-- KEYS  1 root
-- ARGV  1 '' (no queue)  2 days to tell of, with today
-- Returns {'statistics', unique users of all these days together, {{day, unique users, {field, value, …}}, …}}: newest first
-- @include "queue/keys"
-- @include "budget/budget"
-- @include "users/track"

local now, b, track = now_ms(), budget(), tracking()
local days, all = {}, {}
for n = 0, tonumber(ARGV[2]) - 1 do
  local at = now - n * track.day_ms
  all[#all + 1] = track.day('unique', at)
  days[#days + 1] = { b.day_of(at), redis.call('PFCOUNT', all[#all]), redis.call('HGETALL', track.day('day', at)) }
end
return { 'statistics', redis.call('PFCOUNT', unpack(all)), days }
