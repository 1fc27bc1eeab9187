-- Fragment of enqueue, after enqueue_requests.lua: what is known of a job that its user has asked for.

-- As many jobs are on a user's list, which lives for 60 days.
local LISTED_MAX, LIST_TTL_MS = 1000, '5184000000'

-- Adds an accepted job to its user's list, and counts it; `cached` where it has ended already.
local function list(user, id, word)
  local jobs = root .. ':jobs_of:' .. user
  mend('ZADD', jobs, text(now), id)
  if the_counter().count(user, 'accepted') > LISTED_MAX then redis.call('ZREMRANGEBYRANK', jobs, 0, -LISTED_MAX - 1) end
  redis.call('PEXPIRE', jobs, LIST_TTL_MS)
  if word == 'cached' then the_counter().ended(user, 'completed', now) end
end

-- Lets an idempotency key stand for a job, and the job know the key, so that both can be forgotten together.
local function remember(r, id)
  store(of_asked(r.asked), id .. ' ' .. r.request, ARGV[7])
  redis.call('HSET', of_job('job', id), 'asked', r.asked)
end
