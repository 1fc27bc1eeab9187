-- Throws the kill switch, or takes it back.
-- KEYS  1 root
-- ARGV  1 reason, where it is thrown
-- Returns {'killed'} | {'lifted'}
-- @include "queue/keys"
-- @include "budget/budget"

local reason, key = ARGV[1], budget().key()
if not reason then
  redis.call('HDEL', key, 'kill', 'reason', 'since')
  return { 'lifted' }
end
redis.call('HSET', key, 'kill', '1', 'reason', reason)
redis.call('HSETNX', key, 'since', text(now_ms()))
return { 'killed' }
