-- Fragment: jobs that are not what enqueue stored. Needs bury.lua.

-- A stored count, or nil where there is none.
local function count_of(stored)
  local number = tonumber(stored)
  return number and number >= 0 and number < 1e9 and number % 1 == 0 and number or nil
end

-- Ends such a job, so that it can't stand in the way again. `job` is what was read of it, the second field its state.
local function bury_broken(id, job, lane, class, now, dead_ttl)
  if job.err then
    -- Not a hash: kept aside for people.
    redis.call('RENAME', of_job('job', id), of_job('corrupt', id))
    redis.call('PEXPIRE', of_job('corrupt', id), dead_ttl)
    bury(id, lane, class, now, dead_ttl, 'corrupt_job', 'The stored job is not readable')
  elseif not job[2] then
    drop_remains(id, now)
  else
    bury(id, lane, class, now, dead_ttl, 'corrupt_job', 'A field of the stored job is missing or not readable')
  end
end
