-- Records that this Redis knows of every permit there was, so that none need be waited for.
-- KEYS  1 root
-- Returns {'vouched'}
-- @include "queue/keys"

local info = redis.pcall('INFO', 'server')
local run_id = type(info) == 'string' and string.match(info, 'run_id:(%x+)') or 'unknown'
local key = root .. ':epoch'
redis.call('HSET', key, 'run_id', run_id, 'since', '0')
-- Which steps of the clock were believed is no wait: processes count them.
for _, field in ipairs(redis.call('HKEYS', key)) do
  local of_steps = string.sub(field, 1, 6) == 'steps:' or string.sub(field, 1, 5) == 'skew:'
  if field ~= 'run_id' and field ~= 'since' and not of_steps then redis.call('HDEL', key, field) end
end
return { 'vouched' }
