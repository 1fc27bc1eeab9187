-- An operator opens or closes a breaker.
-- KEYS  1 root
-- ARGV  1 provider  2 open | close
-- Returns {'open'} | {'closed'}
-- @include "queue/keys"

local key, now = root .. ':breaker:' .. ARGV[1], now_ms()
redis.call('DEL', key, root .. ':failures:' .. ARGV[1])
if ARGV[2] == 'close' then return { 'closed' } end
-- Until an operator closes it: no probe goes before the year 2286.
redis.call('HSET', key, 'state', 'open', 'until', '9999999999999', 'reason', 'operator', 'opened', text(now), 'for_good', '1')
return { 'open' }
