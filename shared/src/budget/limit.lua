-- Sets a limit that wins over the configured one, or takes it back.
-- KEYS  1 root
-- ARGV  1 limit  2 value, where it is set
-- Returns {'set'} | {'unset'}
-- @include "queue/keys"
-- @include "budget/budget"

local limit, value, key = ARGV[1], ARGV[2], budget().key()
if not value then
  redis.call('HDEL', key, limit)
  return { 'unset' }
end
redis.call('HSET', key, limit, value)
return { 'set' }
