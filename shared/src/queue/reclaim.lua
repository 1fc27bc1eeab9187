-- Fragment of take: any live worker takes jobs back whose lease has lapsed; there is no leader. Needs line.lua, bury.lua and
-- broken.lua.

-- Takes back at most `most` jobs. The attempt that was under way counts: a job that takes its worker down with it is a
-- dead letter after its attempts and not a plague.
local function reclaim(now, most, dead_ttl)
  local leases = of_queue('leases')
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', now, 'LIMIT', 0, most)) do
    redis.call('ZREM', leases, id)
    local job = redis.pcall('HMGET', of_job('job', id), 'lane', 'class', 'state', 'attempts', 'max', 'worker', 'started',
      'rank', 'group', 'permit')
    local rank = place(job[1], job[2], job[8])
    if job[3] ~= 'active' then
      if is_broken(job, job[3]) then bury_broken(id, job, job[1], job[2], now, dead_ttl) end
    elseif not rank then
      if job[9] then free_slot(id, job[1] or '', job[9], job[10]) end
      bury_broken(id, job, job[1], job[2], now, dead_ttl)
    else
      free_slot(id, job[1], job[9], job[10])
      local attempts = whole_number(job[4]) or 0
      local message = 'The worker was lost while it ran the job'
      record_attempt(id, now, {
        attempt = job[4], worker = job[6] or '', started = job[7], code = 'worker_lost', message = message })
      if attempts >= (whole_number(job[5]) or 0) then
        bury(id, job[1], job[2], now, dead_ttl, 'worker_lost', message .. ', in each of its attempts')
      else
        redis.call('HSET', of_job('job', id), 'state', 'waiting', 'code', 'worker_lost', 'message', message)
        put_in_line(id, job[1], job[2], rank)
        redis.call('HDEL', of_job('job', id), 'group', 'permit')
      end
    end
  end
end
