-- Fragment of take: any live worker takes jobs back whose lease has lapsed; there is no leader. Needs suspects.lua, bury.lua and
-- broken.lua.

-- Workers that were lost in this time are known by name, at most so many.
local LOST_KEPT_MS, LOST_MAX = 3600000, 1000

-- Takes back at most `most` jobs; how many. The attempt that was under way is given back: what counts is how often a job was the
-- only suspect of a process that was lost, and with `max_crashes` of these it is a dead letter.
local function reclaim(now, most, dead_ttl, max_crashes)
  local leases, lost, workers = of_queue('leases'), 0, {}
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', now, 'LIMIT', 0, most)) do
    local job = redis.pcall('HMGET', of_job('job', id), 'lane', 'class', 'state', 'attempts', 'max', 'worker', 'started',
      'rank', 'group', 'permit', 'losses', 'crashes')
    local rank = place(job[1], job[2], job[8])
    if job[3] ~= 'active' then
      redis.call('ZREM', leases, id)
      if is_broken(job, job[3]) then bury_broken(id, job, job[1], job[2], now, dead_ttl) end
    elseif not rank then
      redis.call('ZREM', leases, id)
      if job[9] then free_slot(id, job[1] or '', job[9], job[10]) end
      bury_broken(id, job, job[1], job[2], now, dead_ttl)
    else
      local worker, losses, crashes = job[6] or '', whole_number(job[11]) or 0, whole_number(job[12]) or 0
      local counts = losses > 0 and was_only_suspect(worker, id)
      redis.call('ZREM', leases, id)
      free_slot(id, job[1], job[9], job[10])
      free_probe(id, job[9])
      local message = 'The worker was lost while it ran the job'
      record_attempt(id, now, {
        attempt = job[4], worker = worker, started = job[7], code = 'worker_lost', message = message })
      lost, workers[worker] = lost + 1, true
      if counts then crashes = crashes + 1 end
      local key = of_job('job', id)
      redis.call('HSET', key, 'losses', text(losses + 1), 'crashes', text(crashes))
      if crashes >= max_crashes then
        bury(id, job[1], job[2], now, dead_ttl, 'worker_lost', message .. ', each time that it was its only suspect')
      else
        redis.call('HSET', key, 'state', 'waiting', 'code', 'worker_lost', 'message', message, 'lost', text(now),
          'attempts', text(math.max((whole_number(job[4]) or 0) - 1, 0)), 'resumed', '1')
        put_in_line(id, job[1], job[2], rank)
        redis.call('HDEL', key, 'group', 'permit')
      end
    end
  end
  if lost > 0 then
    local names = of_queue('lost')
    redis.call('HSET', of_queue('order'), 'lost', text(now))
    for worker in pairs(workers) do redis.call('ZADD', names, 'NX', text(now), worker) end
    redis.call('ZREMRANGEBYSCORE', names, '-inf', text(now - LOST_KEPT_MS))
    redis.call('ZREMRANGEBYRANK', names, 0, -LOST_MAX - 1)
    redis.call('PEXPIRE', names, text(LOST_KEPT_MS))
  end
  return lost
end
