-- Throws the kill switch, or takes it back.
-- KEYS  1 root
-- ARGV  1 reason, where it is thrown
-- Returns {'killed'} | {'lifted'}
local reason = ARGV[1]
if not reason then
  redis.call('HDEL', budget_key(), 'kill', 'reason', 'since')
  return { 'lifted' }
end
redis.call('HSET', budget_key(), 'kill', '1', 'reason', reason)
redis.call('HSETNX', budget_key(), 'since', text(now_ms()))
return { 'killed' }
