-- Fragment of enqueue: what is known of a job that its user has asked for. Needs keys.lua and users/track.lua.

-- As many jobs are on a user's list, which lives for 60 days.
local LISTED_MAX, LIST_TTL_MS = 1000, '5184000000'

-- Adds an accepted job to its user's list, and counts it; `cached` where it has ended already.
local function list(user, id, now, word)
  local jobs = root .. ':jobs_of:' .. user
  mend('ZADD', jobs, text(now), id)
  local track = tracking()
  local accepted = track.request(user, now, 'accepted')
  if accepted > LISTED_MAX then redis.call('ZREMRANGEBYRANK', jobs, 0, -LISTED_MAX - 1) end
  redis.call('PEXPIRE', jobs, LIST_TTL_MS)
  if word == 'cached' then track.ended(user, 'completed', now) end
end

-- Lets an idempotency key stand for a job, and the job know the key, so that both can be forgotten together.
local function remember(asked, id, request, ttl)
  redis.call('SET', root .. ':idempotency:' .. asked, id .. ' ' .. request, 'PX', ttl)
  redis.call('HSET', of_job('job', id), 'asked', asked)
end
