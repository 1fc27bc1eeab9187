-- Fragment of enqueue: what is known of a job that its user has asked for. Needs keys.lua and users/track.lua.

-- Adds an accepted job to its user's list, which has the newest 1,000, and counts it; `cached` where it has ended already. The
-- time to live is that of the list, not of the jobs.
local function list(user, id, now, word)
  local jobs = root .. ':jobs_of:' .. user
  mend('ZADD', jobs, text(now), id)
  redis.call('ZREMRANGEBYRANK', jobs, 0, -1001)
  redis.call('PEXPIRE', jobs, '5184000000')
  local track = tracking()
  track.request(user, now, 'accepted')
  if word == 'cached' then track.ended(user, 'completed', now) end
end

-- Lets an idempotency key stand for a job, and the job know the key, so that both can be forgotten together.
local function remember(asked, id, request, ttl)
  redis.call('SET', root .. ':idempotency:' .. asked, id .. ' ' .. request, 'PX', ttl)
  redis.call('HSET', of_job('job', id), 'asked', asked)
end
