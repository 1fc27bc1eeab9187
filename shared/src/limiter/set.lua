-- An operator sets limits of a group, or unsets them.
-- KEYS  1 root
-- ARGV  1 group  2… name, value, name, value, …: of rpm, rps, tpm, concurrency; an empty value unsets
-- Returns as announce.lua
-- @include "queue/keys"
-- @include "limiter/in_force"

local group = ARGV[1]
for i = 2, #ARGV, 2 do
  if ARGV[i + 1] == '' then
    redis.call('HDEL', root .. ':limits:' .. group, ARGV[i])
  else
    redis.call('HSET', root .. ':limits:' .. group, ARGV[i], ARGV[i + 1])
  end
end
-- What was learned under other limits is forgotten.
redis.call('HDEL', root .. ':limiter:' .. group, 'next_at', 'learned_rpm', 'hold', 'hold_until', 'step', 'base', 'prior',
  'room', 'room_until', 'header_tpm', 'sure_rpm', 'reached', 'before', 'taught_by', 'taught_at', 'proven')
return in_force(group, now_ms())
