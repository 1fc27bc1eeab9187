-- Reads the counters of the fleet.
-- KEYS  1 root
-- Returns {'metrics', now_ms, field, number, field, number, …}
-- @include "queue/keys"

local reply = { 'metrics', text(now_ms()) }
for _, word in ipairs(redis.call('HGETALL', root .. ':metrics')) do reply[#reply + 1] = word end
return reply
