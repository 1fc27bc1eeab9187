-- Fragment of enqueue, after enqueue_requests.lua: a job is written, and the work that it is for.

-- Who is to be woken, once all jobs of the call are in line.
local lanes_to_wake = {}

-- As hurry does, for a job that may have come with this very call.
local function hasten(id, r)
  write_gathered()
  hurry(id, r.class, r.user)
end

-- What there is of the work of a request: the user's own job for it; the job whose result answers for it; the one that does it
-- now; or the one that was to do it. Who leads needs no `repeat` while it does.
local function find_work(r)
  local mine = stored[r.mine]
  local state = state_of(mine)
  if state and state ~= 'failed' and state ~= 'cancelled' then return mine end
  local leader = stored[r.leader]
  local known = leader and redis.pcall('HMGET', of_job('job', leader), 'state', 'user')
  local runs = known and RUNNING[known[1]]
  if runs and known[2] == r.user then return leader end
  local result_of = answering(stored[r.answer], now)
  if result_of then return nil, result_of end
  if runs then return nil, nil, leader end
  return nil, nil, nil, leader
end

-- The job has the result of `result_of`: it has ended.
local function write_ended(r, result_of)
  local key, created = of_job('job', r.id), text(now)
  redis.call('HSET', key, 'fence', '0', 'state', 'completed', 'attempts', '0', 'max', max_attempts, 'lane', r.lane,
    'class', r.class, 'created', created, 'kind', r.kind, 'queue', queue, 'user', r.user, 'ended', created,
    'result_of', result_of, 'cached', '1', 'content', r.digest)
  redis.call('PEXPIRE', key, completed_ttl)
  outlive(of_job('result', result_of), completed_ttl)
  redis.call('ZADD', of_queue('done'), created, r.id)
  store(r.mine, r.id, ARGV[6])
end

local deadline = text(now + deadline_ms)

-- The job waits, for a worker or for what `leader` comes to. `standing` is what it holds of the budget, `bytes` what its payload
-- takes.
local function write_job(r, leader, standing, bytes)
  unfinished = unfinished + 1
  gather(deadlines, deadline, r.id)
  r.rank = leader and '0' or next_rank(r.class, r.user, r.lane)
  -- What take and settle read comes first: a small hash is searched from its head. The job has no time to live while
  -- `deadlines` knows it; its end gives it one.
  local job = { 'HSET', of_job('job', r.id), 'fence', '0', 'state', r.delay > 0 and 'scheduled' or 'waiting', 'attempts', '0',
    'max', max_attempts, 'lane', r.lane, 'class', r.class, 'rank', r.rank, 'created', text(now), 'kind', r.kind, 'queue', queue,
    'user', r.user, 'payload', r.payload }
  if bytes then add(job, 'bytes', bytes) end
  if r.tokens ~= '0' then add(job, 'tokens', r.tokens) end
  if standing then
    add(job, 'held', the_books().hold(standing))
    add(job, 'held_tokens', r.held_tokens)
    add(job, 'held_micros', r.held_micros)
  end
  if r.digest then
    add(job, 'content', r.digest)
    local mine = r.mine or of_repeat(r.digest, r.user)
    -- A leader is found by its work, unless an older job is in the way.
    if leader or r.fresh or stored[mine] then store(mine, r.id, ARGV[2]) end
  end
  if leader then add(job, 'follows', '1') end
  if r.fresh then add(job, 'fresh', '1') end
  if r.listed then add(job, 'listed', '1') end
  if r.recording ~= '' then
    add(job, 'recording', text(#r.recording))
    -- For a job whose hash is lost: all others drop theirs at their end.
    redis.call('SET', of_job('recording', r.id), r.recording, 'PX', ARGV[2])
  end
  if r.delay > 0 then add(job, 'run_at', text(now + r.delay)) end
  redis.call(unpack(job))
end

local function follow(r, leader)
  local followers = of_job('followers', leader)
  mend('ZADD', followers, text(now), r.id)
  outlive(followers, deadline_ms)
  hasten(leader, r)
end

-- The job does the work from now on; `gone` was to.
local function lead(r, gone)
  store(r.leader, r.id, ARGV[2])
  -- Those that follow a job that is no more follow this one.
  if gone and redis.call('EXISTS', of_job('followers', gone)) == 1 then
    redis.call('RENAME', of_job('followers', gone), of_job('followers', r.id))
  end
end

local function stand_in_line(r)
  if r.delay > 0 then return gather(of_queue('scheduled'), text(now + r.delay), r.id) end
  gather(of_line(r.lane, r.class), r.rank, r.id)
  lanes_to_wake[r.lane] = true
end
