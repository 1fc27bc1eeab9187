-- Fragment: what the end of a job means for those that follow it. Needs line.lua, rank.lua, share.lua, bury.lua and
-- broken.lua, and the locals `completed_ttl` and `dead_ttl`.

-- Followers that one step sees to; the rest is left to the next take.
local RELEASE_MOST = 64
-- No job has longer.
local LONGEST_MS = 2592000000
-- These ends say nothing about the work: someone else may do it.
local OWN_ENDS = { deadline_exceeded = true, corrupt_job = true }

-- The next follower that still waits, of at most RELEASE_MOST.
local function next_follower(leader, now)
  for _ = 1, RELEASE_MOST do
    local id = mend('ZPOPMIN', of_job('followers', leader))[1]
    if not id then return nil end
    local job = redis.pcall('HMGET', of_job('job', id), 'follows', 'state', 'lane', 'class', 'user', 'deadline', 'content')
    local whole = job[3] and job[4] and job[5] and job[7]
    if job[2] == 'waiting' and job[1] and whole then return id, job end
    if job.err or job[2] == 'waiting' and not whole then bury_broken(id, job, job[3], job[4], now, dead_ttl) end
  end
end

-- The next follower does the work, from where the leader has come.
local function take_over(leader, now)
  local id, job = next_follower(leader, now)
  if not id then return end
  local key, rank = of_job('job', id), next_rank(job[4], job[5])
  redis.call('HSET', key, 'rank', rank)
  redis.call('HDEL', key, 'follows')
  mend('HSET', of_content(job[7]), 'leader', id)
  outlive(of_content(job[7]), math.min((tonumber(job[6]) or now) - now, LONGEST_MS))
  if redis.call('EXISTS', of_job('followers', leader)) == 1 then
    redis.call('RENAME', of_job('followers', leader), of_job('followers', id))
  end
  if redis.call('EXISTS', of_job('checkpoints', leader)) == 1 then
    redis.call('RENAME', of_job('checkpoints', leader), of_job('checkpoints', id))
    redis.call('PERSIST', of_job('checkpoints', id))
    redis.call('HSET', key, 'resumed', '1')
  end
  put_in_line(id, job[3], job[4], rank)
end

-- Ends a follower well, with the leader's result.
local function complete_follower(id, job, leader, now)
  local key, ended = of_job('job', id), text(now)
  redis.call('ZREM', of_queue('deadlines'), id)
  close_books(id)
  redis.call('HSET', key, 'state', 'completed', 'ended', ended, 'progress', '100', 'payload', '', 'result_of', leader)
  redis.call('HDEL', key, 'follows')
  redis.call('PEXPIRE', key, completed_ttl)
  outlive(of_job('result', leader), tonumber(completed_ttl))
  if mend('GET', of_repeat(job[7], job[5])) == id then redis.call('PEXPIRE', of_repeat(job[7], job[5]), completed_ttl) end
  redis.call('ZADD', of_queue('done'), ended, id)
  redis.call('PUBLISH', of_job('events', id), 'completed')
end

-- Sees to the followers of a job that has ended, or is gone: they have its result, or its failure, or go on without it.
local function release(leader, now)
  local end_of = redis.pcall('HMGET', of_job('job', leader), 'state', 'code', 'message', 'result_of')
  local failed = end_of[1] == 'failed' and not OWN_ENDS[end_of[2] or '']
  local answered = redis.call('EXISTS', of_job('result', leader)) == 1
  local left = of_queue('releases')
  redis.call('ZREM', left, leader)
  if not answered and not failed then return take_over(leader, now) end
  for _ = 1, RELEASE_MOST do
    local id, job = next_follower(leader, now)
    if not id then return end
    if answered then
      complete_follower(id, job, leader, now)
    else
      redis.call('HDEL', of_job('job', id), 'follows')
      bury(id, nil, nil, now, dead_ttl, end_of[2], end_of[3] or '')
    end
  end
  if redis.call('EXISTS', of_job('followers', leader)) == 1 then
    redis.call('ZADD', left, text(now), leader)
    local lane = redis.call('HGET', of_job('job', leader), 'lane')
    if lane then redis.call('ZADD', of_lane('wake', lane), '0', 'marker') end
  end
end

-- Sees to at most one job's followers that an earlier step left.
local function release_rest(now)
  local leader = redis.call('ZRANGE', of_queue('releases'), 0, 0)[1]
  if leader then release(leader, now) end
end

-- A job has ended in `state`, or is gone, that wanted the work of `digest`, where that is known.
end_work = function(id, digest, user, state, now)
  if digest then
    local content, mine = of_content(digest), of_repeat(digest, user)
    -- It may name a later job.
    if mend('GET', mine) == id then
      if state == 'completed' then redis.call('PEXPIRE', mine, completed_ttl) else redis.call('DEL', mine) end
    end
    local leader = mend('HGET', content, 'leader')
    if leader == id then
      redis.call('HDEL', content, 'leader')
    elseif leader then
      mend('ZREM', of_job('followers', leader), id)
    end
  end
  if redis.call('EXISTS', of_job('followers', id)) == 1 then release(id, now) end
end
