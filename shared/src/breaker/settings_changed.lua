-- A worker starts. Where its settings (key, address, model) are not those that were refused, a breaker that waits for a person to
-- correct them is probed at once. One that an operator has opened stays as it is.
-- KEYS  1 root
-- ARGV  1 provider  2 digest of the settings
-- Returns {'probe'} | {'unchanged'}
-- @include "queue/keys"

-- For so long the worker's first probe is awaited: others that are refused in its place do not delay it.
local UNTRIED_MS = 120000

local key, now = root .. ':breaker:' .. ARGV[1], now_ms()
local f = redis.call('HMGET', key, 'for_good', 'reason', 'refused_settings')
if f[1] ~= '1' or f[2] == 'operator' or f[3] == ARGV[2] then return { 'unchanged' } end
write_though_full()
redis.call('HSET', key, 'until', text(now), 'untried', ARGV[2], 'untried_until', text(now + UNTRIED_MS))
return { 'probe' }
