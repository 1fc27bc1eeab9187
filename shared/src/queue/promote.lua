-- Fragment of take: jobs whose time has come get in line. Needs line.lua.

-- Moves at most `most` due jobs.
local function promote(now, most)
  local scheduled = of_queue('scheduled')
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', scheduled, '-inf', now, 'LIMIT', 0, most)) do
    redis.call('ZREM', scheduled, id)
    local job = redis.pcall('HMGET', of_job('job', id), 'lane', 'created', 'state')
    if job[1] and job[2] and job[3] == 'scheduled' then
      redis.call('HSET', of_job('job', id), 'state', 'waiting')
      put_in_line(id, job[1], job[2])
    end
  end
end

-- Milliseconds until the next scheduled job is due; nil where none is.
local function next_due(now)
  local head = redis.call('ZRANGE', of_queue('scheduled'), 0, 0, 'WITHSCORES')
  if head[2] then return math.max(tonumber(head[2]) - now, 0) end
end
