-- Sets limits that win over the configured ones, or takes them back: all of them, or none.
-- KEYS  1 root
-- ARGV  1 number of queues  2… queues whose workers' models need a price for a limit of money; then
--       limit, value ('': it is taken back), …
-- Returns {'set'} | {'unpriced', model}: a live worker calls a model without a price; nothing was set
-- Memory: none of its own; reads at most WORKERS_MAX workers of a queue.
-- @include "queue/keys"
-- @include "budget/budget"

local WORKERS_MAX = 1000
local queues, key = tonumber(ARGV[1]), budget().key()

local function unpriced(of_the_queue)
  local workers = redis.call('ZRANGEBYSCORE', root .. ':workers:' .. of_the_queue, '(' .. text(now_ms()), '+inf', 'LIMIT', '0',
    tostring(WORKERS_MAX))
  for _, worker in ipairs(workers) do
    local card = redis.pcall('HMGET', root .. ':worker:' .. worker, 'priced', 'model')
    if card[1] == '0' then return card[2] or '' end
  end
end

for i = queues + 2, #ARGV, 2 do
  local value = tonumber(ARGV[i + 1]) or 0
  if value > 0 and string.find(ARGV[i], 'micros', 1, true) then
    for j = 2, queues + 1 do
      local model = unpriced(ARGV[j])
      if model then return { 'unpriced', model } end
    end
  end
end
for i = queues + 2, #ARGV, 2 do
  if ARGV[i + 1] == '' then redis.call('HDEL', key, ARGV[i]) else redis.call('HSET', key, ARGV[i], ARGV[i + 1]) end
end
return { 'set' }
