-- Reads the workers of a queue that live, of which there are at most `most` in the answer. Changes nothing.
-- KEYS  1 root
-- ARGV  1 queue  2 most
-- Returns {'live', {worker, replica, version, started, slots, busy, seen, cpu}, …}: by name; what a worker did not say is ''
-- @include "queue/keys"

local reply = { 'live' }
local now = now_ms()
for _, worker in ipairs(redis.call('ZRANGEBYSCORE', of_queue('workers'), '(' .. text(now), '+inf', 'LIMIT', '0', ARGV[2])) do
  local card = redis.pcall('HMGET', root .. ':worker:' .. worker, 'replica', 'version', 'started', 'slots', 'busy', 'seen',
    'cpu')
  local row = { worker }
  for i = 1, 7 do row[i + 1] = card[i] or '' end
  reply[#reply + 1] = row
end
return reply
