-- Fragment of take: any live worker takes jobs back whose lease has lapsed; there is no leader. Needs line.lua, bury.lua and
-- broken.lua.

-- Takes back at most `most` jobs. The attempt that was under way counts: a job that takes its worker down with it is a
-- dead letter after its attempts and not a plague.
local function reclaim(now, most, dead_ttl)
  local leases = of_queue('leases')
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', now, 'LIMIT', 0, most)) do
    redis.call('ZREM', leases, id)
    local job = redis.pcall('HMGET', of_job('job', id), 'lane', 'state', 'class', 'attempts', 'max', 'worker', 'started',
      'rank', 'group', 'permit')
    if job.err or not job[2] or job[2] == 'active' and not (job[1] and job[3]) then
      bury_broken(id, job, job[1], job[3], now, dead_ttl)
    elseif job[2] == 'active' then
      free_slot(id, job[1], job[9], job[10])
      local attempts = tonumber(job[4]) or 0
      local message = 'The worker was lost while it ran the job'
      record_attempt(id, now, {
        attempt = attempts, worker = job[6] or '', started = tonumber(job[7]), code = 'worker_lost', message = message })
      if attempts >= (tonumber(job[5]) or 0) then
        bury(id, job[1], job[3], now, dead_ttl, 'worker_lost', message .. ', in each of its attempts')
      else
        redis.call('HSET', of_job('job', id), 'state', 'waiting', 'code', 'worker_lost', 'message', message)
        put_in_line(id, job[1], job[3], job[8])
        redis.call('HDEL', of_job('job', id), 'group', 'permit')
      end
    end
  end
end
