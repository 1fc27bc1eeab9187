-- Fragment: what the end of a job means for those that follow it. Needs line.lua, rank.lua, share.lua, bury.lua and
-- broken.lua, and the locals `completed_ttl` and `dead_ttl`.

-- Followers that one step sees to; the rest is left to the next take.
local RELEASE_MOST = 64
-- No job has longer.
local LONGEST_MS = 2592000000
-- A take sees within this time that a deadline has passed.
local LEADER_SLACK_MS = 60000
-- These ends say nothing about the work: someone else may do it.
local OWN_ENDS = { deadline_exceeded = true, corrupt_job = true }

-- The next follower that still waits, of at most RELEASE_MOST.
local function next_follower(leader, now)
  for _ = 1, RELEASE_MOST do
    local id = mend('ZPOPMIN', of_job('followers', leader))[1]
    if not id then return nil end
    local job = redis.pcall('HMGET', of_job('job', id), 'state', 'follows', 'lane', 'class', 'user', 'content')
    local follows = job[1] == 'waiting' and job[2]
    if follows and place(job[3], job[4], '0') and job[5] and job[6] then return id, job end
    if follows or is_broken(job, job[1]) then bury_broken(id, job, nil, nil, now, dead_ttl) end
  end
end

-- Followers that are left are seen to by the next take.
local function leave_rest(leader, now)
  if redis.call('EXISTS', of_job('followers', leader)) == 0 then return end
  redis.call('ZADD', of_queue('releases'), text(now), leader)
  local lane = redis.pcall('HGET', of_job('job', leader), 'lane')
  if type(lane) == 'string' then redis.call('ZADD', of_lane('wake', lane), '0', 'marker') end
end

-- The next follower does the work, from where the leader has come, and as urgently.
local function take_over(leader, now)
  local id, job = next_follower(leader, now)
  if not id then return leave_rest(leader, now) end
  local key = of_job('job', id)
  local left = math.min((tonumber(redis.call('ZSCORE', of_queue('deadlines'), id)) or now) - now, LONGEST_MS)
  local followers, other = of_job('followers', leader), mend('GET', of_leader(job[6]))
  if other and other ~= leader and RUNNING[state_of(other)] then
    -- Someone has begun anew meanwhile: all of them follow that job.
    local joined = of_job('followers', other)
    mend('ZADD', joined, text(now), id)
    redis.call('ZUNIONSTORE', joined, '2', joined, followers, 'AGGREGATE', 'MIN')
    redis.call('DEL', followers)
    return outlive(joined, left)
  end
  local class, urgent = job[4], redis.pcall('HGET', of_job('job', leader), 'class')
  if type(urgent) == 'string' and (URGENCY[urgent] or 0) > URGENCY[class] then class = urgent end
  local rank = next_rank(class, job[5], job[3])
  redis.call('HSET', key, 'class', class, 'rank', rank)
  redis.call('HDEL', key, 'follows')
  -- Until the job is seen to be past its deadline: nobody begins the same work in between.
  redis.call('SET', of_leader(job[6]), id, 'PX', text(math.max(left, 0) + LEADER_SLACK_MS))
  if redis.call('EXISTS', followers) == 1 then redis.call('RENAME', followers, of_job('followers', id)) end
  if redis.call('EXISTS', of_job('checkpoints', leader)) == 1 then
    redis.call('RENAME', of_job('checkpoints', leader), of_job('checkpoints', id))
    redis.call('PERSIST', of_job('checkpoints', id))
    redis.call('HSET', key, 'resumed', '1')
  end
  put_in_line(id, job[3], class, rank)
end

-- Ends a follower well, with the leader's result.
local function complete_follower(id, job, leader, now)
  local key, ended = of_job('job', id), text(now)
  redis.call('ZREM', of_queue('deadlines'), id)
  close_books(id, 'completed', now)
  redis.call('HSET', key, 'state', 'completed', 'ended', ended, 'payload', '', 'result_of', leader)
  redis.call('HDEL', key, 'follows')
  redis.call('PEXPIRE', key, completed_ttl)
  outlive(of_job('result', leader), tonumber(completed_ttl))
  local mine = of_repeat(job[6], job[5])
  if mend('GET', mine) == id then redis.call('PEXPIRE', mine, completed_ttl) end
  redis.call('ZADD', of_queue('done'), ended, id)
  redis.call('PUBLISH', of_job('events', id), 'completed')
end

-- Sees to the followers of a job that has ended, or is gone: they have its result, or its failure, or go on without it.
local function release(leader, now)
  local end_of = redis.pcall('HMGET', of_job('job', leader), 'state', 'code', 'message')
  local failed = end_of[1] == 'failed' and end_of[2] and not OWN_ENDS[end_of[2]]
  local answered = answers(leader)
  redis.call('ZREM', of_queue('releases'), leader)
  if not answered and not failed then return take_over(leader, now) end
  for _ = 1, RELEASE_MOST do
    local id, job = next_follower(leader, now)
    if not id then break end
    if answered then
      complete_follower(id, job, leader, now)
    else
      redis.call('HDEL', of_job('job', id), 'follows')
      bury(id, nil, nil, now, dead_ttl, end_of[2], end_of[3] or '')
    end
  end
  leave_rest(leader, now)
end

-- Sees to at most one job's followers that an earlier step left.
local function release_rest(now)
  local leader = redis.call('ZRANGE', of_queue('releases'), 0, 0)[1]
  if leader then release(leader, now) end
end

-- A job has ended in `state`, or is gone, that wanted the work of `digest`, where that is known.
end_work = function(id, digest, user, state, now)
  if digest then
    local mine, leader = of_repeat(digest, user), mend('GET', of_leader(digest))
    local repeated = mend('GET', mine)
    -- It may name a later job.
    if state == 'completed' and (repeated == id or leader == id and not repeated) then
      redis.call('SET', mine, id, 'PX', completed_ttl)
    elseif repeated == id then
      redis.call('DEL', mine)
    end
    if leader == id then
      redis.call('DEL', of_leader(digest))
    elseif leader then
      mend('ZREM', of_job('followers', leader), id)
    end
  end
  if redis.call('EXISTS', of_job('followers', id)) == 1 then release(id, now) end
end
