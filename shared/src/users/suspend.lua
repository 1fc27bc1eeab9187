-- Suspends a user, or lifts that. `suspended` names who is suspended, since when and why; it has no time to live.
-- KEYS  1 root
-- ARGV  1 '' (no queue)  2 user  3 '1': suspended, '0': not  4 reason  5 most users that may be suspended
-- Returns {'suspended', since when in ms, reason} | {'lifted'} | {'full'}: as many are suspended as can be
-- @include "queue/keys"

local user, suspended = ARGV[2], root .. ':suspended'
if ARGV[3] ~= '1' then
  redis.call('HDEL', suspended, user)
  return { 'lifted' }
end
local before = redis.call('HGET', suspended, user)
if not before and redis.call('HLEN', suspended) >= tonumber(ARGV[5]) then return { 'full' } end
-- Told once more, the reason may be another one; the time is that of the first.
local since = before and string.match(before, '^(%d+) ') or text(now_ms())
redis.call('HSET', suspended, user, since .. ' ' .. ARGV[4])
return { 'suspended', since, ARGV[4] }
