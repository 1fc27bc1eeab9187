-- Fragment of take: jobs that were taken before, and jobs that can't be. Needs bury.lua.

-- The answer to a repeated request: what of its jobs is still held.
local function taken_before(previous, request)
  local jobs = { 'jobs', 0 }
  for id, fence in string.gmatch(string.sub(previous, #request + 1), ' (%S+)=(%d+)') do
    local job = redis.call('HMGET', of_job('job', id), 'fence', 'state', 'attempts', 'max', 'lane', 'resumed', 'payload')
    if job[1] == fence and job[2] == 'active' then
      jobs[#jobs + 1] = { id, job[5], fence, job[3], job[4], job[6] or '0', job[7] or '' }
    end
  end
  return jobs
end

-- Ends a job that is not what enqueue stored, so that it can't stand in the way again. `job` is what was read of it.
local function bury_broken(id, job, head, now, dead_ttl)
  if job.err then
    -- Not a hash: kept aside for people.
    redis.call('RENAME', of_job('job', id), of_job('corrupt', id))
    redis.call('PEXPIRE', of_job('corrupt', id), dead_ttl)
    bury(id, head.lane, head.class, now, dead_ttl, 'corrupt_job', 'The stored job is not readable')
  elseif not job[2] then
    drop_remains(id)
  else
    bury(id, head.lane, head.class, now, dead_ttl, 'corrupt_job', 'The stored job has no readable attempts or fence')
  end
end
