-- Fragment of take: jobs whose worker was lost with them. Needs line.lua.
-- Any job of a lost worker may be what ended it. So only a process that has proven itself (it has finished a job, or lived for a
-- lease) takes suspects: at most four at a time that were lost once, or one that was lost again. A crash counts against a job
-- that was the only suspect of its process. `suspects_of:<worker>` has the suspects that a worker was given, with '1' (lost once) or
-- '2' (lost again) and the fence; and under 'n' how many it had when it was lost.

local function of_holder(worker) return root .. ':suspects_of:' .. worker end
local HOLDER_TTL_MS = '86400000'

-- The suspects that the worker still has: how many that were lost once, and again. Forgets the others.
local function suspects_held(worker)
  local held = { ['1'] = 0, ['2'] = 0 }
  local kept = redis.call('HGETALL', of_holder(worker))
  for i = 1, #kept, 2 do
    local id, times, fence = kept[i], string.match(kept[i + 1], '^([12]):(%d+)$')
    if id ~= 'n' then
      local job = redis.pcall('HMGET', of_job('job', id), 'state', 'worker', 'fence')
      if times and job[1] == 'active' and job[2] == worker and job[3] == fence then
        held[times] = held[times] + 1
      else
        redis.call('HDEL', of_holder(worker), id)
      end
    end
  end
  return held['1'], held['2']
end

-- Whether the lost `worker` had no other suspect than job `id`. All of its jobs lapse together, or nearly: the first one counts.
local function was_only_suspect(worker, id)
  local key = of_holder(worker)
  if redis.call('HEXISTS', key, id) == 0 then return false end
  local count = redis.call('HGET', key, 'n')
  if not count then
    local once, again = suspects_held(worker)
    -- The job itself is active still.
    count = text(once + again)
    redis.call('HSET', key, 'n', count)
  end
  return count == '1'
end

-- The suspects in line, oldest first, for a worker that has proven itself.
local function open_suspects(worker, order)
  local s = { at = 1, heads = {} }
  for _, lane in ipairs(order.suspects) do
    local key = of_suspects(lane)
    local part = redis.call('ZRANGE', key, 0, 4, 'WITHSCORES')
    if not part[1] then redis.call('HDEL', of_queue('order'), 'suspects:' .. lane) end
    for i = 1, #part, 2 do
      local times = redis.pcall('HGET', of_job('job', part[i]), 'losses')
      s.heads[#s.heads + 1] = { id = part[i], lane = lane, key = key, since = tonumber(part[i + 1]), times = times == '1' and '1' or '2' }
    end
  end
  table.sort(s.heads, function(a, b) return a.since < b.since or (a.since == b.since and a.id < b.id) end)
  if s.heads[1] then s.once, s.again = suspects_held(worker) end
  return s
end

-- The next suspect that the worker may have; nil where there is none.
local function next_suspect(s)
  local head = s.heads[s.at]
  if not head or s.again > 0 then return nil end
  if head.times == '1' and s.once < 4 or head.times == '2' and s.once == 0 then return head end
end

-- The worker has got a suspect.
local function hold_suspect(s, worker, head, fence)
  s.at = s.at + 1
  if head.times == '1' then s.once = s.once + 1 else s.again = s.again + 1 end
  redis.call('HSET', of_holder(worker), head.id, head.times .. ':' .. fence)
  redis.call('HDEL', of_holder(worker), 'n')
  redis.call('PEXPIRE', of_holder(worker), HOLDER_TTL_MS)
end

-- Wakes another worker for suspects that are left in line, where it may have some. Where this one has none since it has not
-- proven itself yet, it asks again in a while: how many ms until then.
local function suspects_left(s, order, proven, lease_left)
  if not order.suspects[1] then return nil end
  local first = s and s.heads[s.at]
  if proven and not (first and s.at > 1) then return nil end
  for _, lane in ipairs(order.suspects) do redis.call('ZADD', of_lane('wake', lane), '0', 'marker') end
  return not proven and math.max(math.min(lease_left, UNPROVEN_MS), 1) or nil
end
