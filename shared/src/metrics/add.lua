-- Adds what an api process has counted since the last time.
-- KEYS  1 root
-- ARGV  1 requests  2 processor time that they took, in ms  3 cores that the process may use  4, 5, … field, number, …
-- Returns {'added'}
-- @include "queue/keys"

local key, now = root .. ':metrics', now_ms()
local minute, requests, cpu = math.floor(now / 60000), ARGV[1], ARGV[2]
local seen = tonumber(redis.call('HGET', key, 'minute'))
if seen ~= minute then
  local before = seen == minute - 1 and redis.call('HMGET', key, 'this_minute', 'this_cpu_ms') or {}
  redis.call('HSET', key, 'minute', text(minute), 'last_minute', before[1] or '0', 'this_minute', '0',
    'last_cpu_ms', before[2] or '0', 'this_cpu_ms', '0')
end
redis.call('HINCRBY', key, 'this_minute', requests)
redis.call('HINCRBY', key, 'requests', requests)
redis.call('HINCRBY', key, 'this_cpu_ms', cpu)
redis.call('HSET', key, 'api_cores', ARGV[3])
for i = 4, #ARGV, 2 do
  if ARGV[i + 1] ~= '0' then redis.call('HINCRBY', key, ARGV[i], ARGV[i + 1]) end
end
redis.call('HSETNX', key, 'since', text(now))
return { 'added' }
