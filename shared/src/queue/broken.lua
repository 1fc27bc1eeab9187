-- Fragment of take: jobs that can't be given out. Needs bury.lua.

-- Ends a job that is not what enqueue stored, so that it can't stand in the way again. `job` is what was read of it.
local function bury_broken(id, job, lane, class, now, dead_ttl)
  if job.err then
    -- Not a hash: kept aside for people.
    redis.call('RENAME', of_job('job', id), of_job('corrupt', id))
    redis.call('PEXPIRE', of_job('corrupt', id), dead_ttl)
    bury(id, lane, class, now, dead_ttl, 'corrupt_job', 'The stored job is not readable')
  elseif not job[2] then
    drop_remains(id)
  else
    bury(id, lane, class, now, dead_ttl, 'corrupt_job', 'The stored job has no readable attempts or fence')
  end
end
