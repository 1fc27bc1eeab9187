-- Fragment of take: what time alone brings about. Needs broken.lua and result.lua.

-- Ends at most `most` jobs that are past their deadline, whatever they are doing: a later settle finds them ended.
local function end_overdue(now, most, dead_ttl)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', of_queue('deadlines'), '-inf', now, 'LIMIT', 0, most)) do
    local job = redis.pcall('HMGET', of_job('job', id), 'lane', 'state', 'attempts', 'worker', 'started', 'class',
      'group', 'permit')
    if job.err or not job[2] then
      bury_broken(id, job, job[1], job[6], now, dead_ttl)
    else
      local message = 'The job did not end before its deadline'
      if job[2] == 'active' then
        revoke(id, job[7], job[8])
        record_attempt(id, now, { attempt = job[3], worker = job[4] or '', started = job[5],
          code = 'deadline_exceeded', message = message })
      end
      bury(id, job[1], job[6], now, dead_ttl, 'deadline_exceeded', message)
    end
  end
end

-- Entries of one index that a take forgets. More than its worker can have ended since the last one, so that none outlive their
-- jobs for long.
local FORGET_MOST = 1000

-- Forgets entries of an index that are older than `before`. Whether there are more, and those that were.
local function forget(index, before)
  local old = redis.call('ZRANGEBYSCORE', index, '-inf', before, 'LIMIT', 0, FORGET_MOST)
  if old[1] then redis.call('ZREM', index, unpack(old)) end
  return #old == FORGET_MOST, old
end

-- Forgets results that no longer answer, as `until` says to whoever asks for their content. Whether there are more.
local function forget_results(now)
  local more, old = forget(root .. ':cached', now)
  local bytes = 0
  for _, member in ipairs(old) do
    local _, _, size = cached_entry(member)
    bytes = bytes + (whole_number(size) or 0)
  end
  if bytes > 0 then uncount('results', text(bytes)) end
  return more
end
