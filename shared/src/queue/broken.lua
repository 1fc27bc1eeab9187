-- Fragment: jobs that are not what enqueue stored. Needs bury.lua and share.lua.

-- Ends such a job, so that it can't stand in the way again. `job` is what was read of it, `lane` and `class` where it may be
-- in line.
local function bury_broken(id, job, lane, class, now, dead_ttl)
  if job.err then
    -- Not a hash: kept aside for people.
    redis.call('RENAME', of_job('job', id), of_job('corrupt', id))
    redis.call('PEXPIRE', of_job('corrupt', id), dead_ttl)
  elseif redis.call('EXISTS', of_job('job', id)) == 0 then
    if lane and class then leave_line(id, lane, class) end
    return drop_remains(id, now)
  end
  bury(id, lane, class, now, dead_ttl, 'corrupt_job', 'The stored job is not readable')
end

-- Whether an index has a job that can't be told to be anywhere: its state is none.
local function is_broken(job, state) return job.err or not (RUNNING[state] or ENDED[state]) end
