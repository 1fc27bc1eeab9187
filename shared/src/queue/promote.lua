-- Fragment of take: jobs whose time has come get in line. Needs line.lua and broken.lua.

-- Moves at most `most` due jobs.
local function promote(now, most, dead_ttl)
  local scheduled = of_queue('scheduled')
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', scheduled, '-inf', now, 'LIMIT', 0, most)) do
    redis.call('ZREM', scheduled, id)
    local job = redis.pcall('HMGET', of_job('job', id), 'lane', 'class', 'rank', 'state')
    local rank = job[4] == 'scheduled' and place(job[1], job[2], job[3])
    if rank then
      redis.call('HSET', of_job('job', id), 'state', 'waiting')
      put_in_line(id, job[1], job[2], rank)
    elseif job[4] == 'scheduled' or is_broken(job, job[4]) then
      bury_broken(id, job, job[1], job[2], now, dead_ttl)
    end
  end
end

-- Milliseconds until time brings the next thing about: a job falls due, a lease lapses, a deadline passes. nil where
-- nothing will. 0 means that more is due than one take moves.
local function next_due(now)
  local first
  for _, name in ipairs({ 'scheduled', 'leases', 'deadlines' }) do
    local head = redis.call('ZRANGE', of_queue(name), 0, 0, 'WITHSCORES')
    local due = tonumber(head[2])
    if due and (not first or due < first) then first = due end
  end
  return first and math.max(first - now, 0)
end
