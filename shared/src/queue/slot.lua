-- Fragment: what a job holds of its upstream. Needs keys.lua.

-- The provider of a group: `openai` of `openai:gpt-4o-mini`.
local function provider_of(group) return string.match(group, '^[^:]+') or '' end

-- Gives back a permit whose call was not made.
local function give_back(group, member)
  local tokens = tonumber(redis.call('HGET', root .. ':reserved:' .. group, member))
  if redis.call('ZREM', root .. ':permits:' .. group, member) == 1 and tokens then
    redis.call('HDEL', root .. ':reserved:' .. group, member)
    redis.call('HINCRBY', root .. ':limiter:' .. group, 'tokens', -tokens)
  end
  redis.call('HDEL', root .. ':limiter:' .. group, 'next_at')
  local breaker = root .. ':breaker:' .. provider_of(group)
  if redis.call('HGET', breaker, 'probe') == member then redis.call('HDEL', breaker, 'probe', 'probe_until') end
end

-- Someone else has ended a job that a worker holds: the worker is told. The slot stays taken until it lets go (leave.lua) or
-- its lease has lapsed, since a call may be under way; `unspent` is the permit of a call that was not begun.
local function revoke(id, group, unspent)
  if group and unspent then give_back(group, unspent) end
  redis.call('PUBLISH', root .. ':revoked:' .. queue, id)
end

-- Frees the slot of a job that is no longer active, and wakes a worker that waits for one. `unspent` is the permit that
-- came with the job, where no call has used it.
local function free_slot(id, lane, group, unspent)
  if not group then return end
  redis.call('ZREM', root .. ':inflight:' .. group, id)
  if unspent then give_back(group, unspent) end
  if redis.call('HDEL', root .. ':limiter:' .. group, 'starved') == 1 and lane then
    redis.call('ZADD', of_lane('wake', lane), '0', 'marker')
  end
end

-- The worker that had the job was lost: if one of its calls was the breaker's probe, another one may go at once.
local function free_probe(id, group)
  if not group then return end
  local breaker = root .. ':breaker:' .. provider_of(group)
  local probe = redis.call('HGET', breaker, 'probe')
  if not probe or string.sub(probe, 1, #id + 1) ~= id .. ':' then return end
  redis.call('HDEL', breaker, 'probe', 'probe_until')
  redis.call('HDEL', root .. ':limiter:' .. group, 'next_at')
end
