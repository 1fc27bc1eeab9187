-- Adds what an api process has counted since the last time.
-- KEYS  1 root
-- ARGV  1 requests  2, 3, … field, number, field, number, …
-- Returns {'added'}
local key, now = root .. ':metrics', now_ms()
local minute, requests = math.floor(now / 60000), ARGV[1]
local seen = tonumber(redis.call('HGET', key, 'minute'))
if seen ~= minute then
  local before = seen == minute - 1 and redis.call('HGET', key, 'this_minute') or '0'
  redis.call('HSET', key, 'minute', text(minute), 'last_minute', before, 'this_minute', '0')
end
redis.call('HINCRBY', key, 'this_minute', requests)
redis.call('HINCRBY', key, 'requests', requests)
for i = 2, #ARGV, 2 do
  if ARGV[i + 1] ~= '0' then redis.call('HINCRBY', key, ARGV[i], ARGV[i + 1]) end
end
redis.call('HSETNX', key, 'since', text(now))
return { 'added' }
