-- Fragment of enqueue: what a user's list shows. Needs keys.lua.

-- Adds a job to its user's list, which has the newest 1,000. The time to live is that of the list, not of the jobs.
local function list(user, id, now)
  local jobs = root .. ':jobs_of:' .. user
  mend('ZADD', jobs, text(now), id)
  redis.call('ZREMRANGEBYRANK', jobs, 0, -1001)
  redis.call('PEXPIRE', jobs, '5184000000')
end
