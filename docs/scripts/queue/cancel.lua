-- Ends a job by request, wherever it stands.
-- KEYS  1 root
-- ARGV  1 queue  2 id  3 completed_ttl_ms  4 dead_ttl_ms  5 code  6 message
-- Returns {'cancelled'} | {'ended', state} | {'gone'}
-- Fragment: every key and the clock. KEYS[1] is the root; `Keys` in shared/src/redis/keys.rs names the same keys.
local root = KEYS[1]
local queue = ARGV[1]

local function of_job(name, id) return root .. ':' .. name .. ':' .. id end
local function of_queue(name) return root .. ':' .. name .. ':' .. queue end
local function of_lane(name, lane) return root .. ':' .. name .. ':' .. queue .. ':' .. lane end
local function of_line(lane, class) return of_lane('waiting', lane) .. ':' .. class end

-- A whole number as a command takes it. Redis formats a Lua number as a double, which is slow; the time, which most scripts write
-- in several places, is formatted once.
local now_known, now_text
local function text(number) return number == now_known and now_text or string.format('%d', number) end

-- Milliseconds since the Unix epoch: Redis' clock is the only one that decides anything.
local function now_ms()
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  now_known, now_text = now, string.format('%d', now)
  return now
end

-- Redis refuses the first write of a script while its memory is full, and no later one. What ends jobs, and frees memory with
-- that, begins with a write that needs none.
local function write_though_full() redis.call('DEL', root .. ':probe') end

-- The whole number that a field of a stored job holds; nil where it is none that could be ours.
local function whole_number(field)
  if field and #field <= 15 and string.find(field, '^%d+$') then return tonumber(field) end
end

-- Runs a command on a key that jobs can do without: something else that stands there makes room.
local function mend(command, key, ...)
  local reply = redis.pcall(command, key, ...)
  if type(reply) ~= 'table' or not reply.err then return reply end
  if string.find(reply.err, 'WRONGTYPE', 1, true) then redis.call('UNLINK', key) end
  return redis.call(command, key, ...)
end
local id, completed_ttl, dead_ttl = ARGV[2], ARGV[3], ARGV[4]

-- Fragment: putting a job in line. Needs keys.lua.
-- A job that waits for a worker is in one of three sorted sets:
--   waiting   its lane and class, by rank: the line
--   aside     the same, where its last call was refused or failed: in its turn as well, but no trial and no probe while another
--             job can be one
--   suspects  its lane, by the time of the loss, where its worker was lost with it (suspects.lua)
-- `order` names the lanes that have jobs aside or suspects, so that a take looks for them only then.

local URGENCY = { bulk = 1, normal = 2, interactive = 3 }

-- A job's rank as it was stored; nil where a job of this lane, class and rank can't stand in line.
local function place(lane, class, rank)
  local number = tonumber(rank)
  if lane and lane ~= '' and URGENCY[class or ''] and number and number >= 0 and number < 2 ^ 62 then return text(number) end
end

local function of_aside(lane, class) return of_lane('aside', lane) .. ':' .. class end
local function of_suspects(lane) return of_lane('suspects', lane) end

-- Lets the job wait in its lane and class and wakes one idle worker. `rank` is its place in the class, which it got when
-- it was accepted, so that a job that comes back stands where it stood.
local function put_in_line(id, lane, class, rank)
  local marks, line = redis.pcall('HMGET', of_job('job', id), 'lost', 'aside'), of_line(lane, class)
  local score = rank or '0'
  if whole_number(marks[1]) then
    line, score = of_suspects(lane), marks[1]
    redis.call('HSET', of_queue('order'), 'suspects:' .. lane, '1')
  elseif marks[2] then
    line = of_aside(lane, class)
    redis.call('HSET', of_queue('order'), 'aside:' .. lane, '1')
  end
  local placed = redis.pcall('ZADD', line, score, id)
  -- Not a number: the stored job is damaged, and whoever takes it finds out.
  if type(placed) == 'table' then redis.call('ZADD', line, '0', id) end
  redis.call('ZADD', of_lane('wake', lane), '0', 'marker')
end

-- Takes the job out of line; whether it was there.
local function leave_line(id, lane, class)
  return redis.call('ZREM', of_line(lane, class), id) + redis.call('ZREM', of_aside(lane, class), id)
    + redis.call('ZREM', of_suspects(lane), id) > 0
end
-- Fragment: a job's place in its class (newcomers.lua). Needs keys.lua.
-- Fragment: where a user who has nothing in line comes in. Needs keys.lua.
-- Start-time fair queueing: a user's jobs stand one round apart, and each user has a place of their own in the round, so that between
-- two jobs of one user everybody has one. A newcomer comes in right after the present, before the second round of everybody
-- else; further newcomers after one job each of those who have been served before, so that a stream of new names takes every
-- second permit and no more. `newcomers` has the ranks of first jobs that have not been taken.
-- https://doi.org/10.1145/248156.248171

-- A round, and the distance between users who come in one after another; between them there is room for others later.
local ROUND, STEP = 16777216, 16
-- Jobs in line that are looked at.
local AHEAD_MAX = 16

-- The rank of the first job of a user of this class and lane. `last` is the greatest rank of a newcomer that is not taken yet, or
-- nil; `young` tells whether a rank is that of such a job, for a list of them.
local function newcomer_rank(lane, class, present, last, young)
  local from = last and last > present and last or present
  local line = redis.call('ZRANGEBYSCORE', of_line(lane, class), '(' .. text(from), text(from + ROUND), 'WITHSCORES',
    'LIMIT', 0, AHEAD_MAX)
  local taken, firsts = {}, {}
  for i = 2, #line, 2 do
    local other = tonumber(line[i])
    taken[#taken + 1] = other
    -- The next job of its user.
    firsts[#firsts + 1] = text(other - ROUND * math.floor((other - present - 1) / ROUND))
  end
  local after, next_taken = from, 1
  if from > present and firsts[1] then
    for n, is_young in ipairs(young(firsts)) do
      if not is_young then
        after, next_taken = taken[n], n + 1
        break
      end
    end
  end
  -- In the middle of the gap, so that others find room there later.
  while taken[next_taken] and taken[next_taken] - after < 2 do
    after, next_taken = taken[next_taken], next_taken + 1
  end
  return after + math.min(STEP, taken[next_taken] and math.floor((taken[next_taken] - after) / 2) or STEP)
end

-- The rank of a user's new job. `shares` has the rank of each user's next one; the user without a name is the present of the class.
local function next_rank(class, user, lane)
  local shares, newcomers = of_lane('shares', class), of_lane('newcomers', class)
  local score = redis.call('ZMSCORE', shares, '', user)
  local present, rank = tonumber(score[1]) or 0, tonumber(score[2])
  if not rank or rank <= present then
    local last = tonumber(redis.call('ZREVRANGE', newcomers, 0, 0, 'WITHSCORES')[2])
    rank = newcomer_rank(lane, class, present, last, function(ranks)
      return redis.call('ZMSCORE', newcomers, unpack(ranks))
    end)
    redis.call('ZADD', newcomers, text(rank), text(rank))
  end
  redis.call('ZADD', shares, text(rank + ROUND), user)
  return text(rank)
end
-- Fragment: what a job holds of its upstream. Needs keys.lua.

-- The provider of a group: `openai` of `openai:gpt-4o-mini`.
local function provider_of(group) return string.match(group, '^[^:]+') or '' end

-- Gives back a permit whose call was not made.
local function give_back(group, member)
  local tokens = tonumber(redis.call('HGET', root .. ':reserved:' .. group, member))
  if redis.call('ZREM', root .. ':permits:' .. group, member) == 1 and tokens then
    redis.call('HDEL', root .. ':reserved:' .. group, member)
    redis.call('HINCRBY', root .. ':limiter:' .. group, 'tokens', -tokens)
  end
  redis.call('HDEL', root .. ':limiter:' .. group, 'next_at')
  local breaker = root .. ':breaker:' .. provider_of(group)
  if redis.call('HGET', breaker, 'probe') == member then redis.call('HDEL', breaker, 'probe', 'probe_until') end
end

-- Someone else has ended a job that a worker holds: the worker is told. The slot stays taken until it lets go (leave.lua) or
-- its lease has lapsed, since a call may be under way; `unspent` is the permit of a call that was not begun.
local function revoke(id, group, unspent)
  if group and unspent then give_back(group, unspent) end
  redis.call('PUBLISH', root .. ':revoked:' .. queue, id)
end

-- Frees the slot of a job that is no longer active, and wakes a worker that waits for one. `unspent` is the permit that
-- came with the job, where no call has used it.
local function free_slot(id, lane, group, unspent)
  if not group then return end
  redis.call('ZREM', root .. ':inflight:' .. group, id)
  if unspent then give_back(group, unspent) end
  if redis.call('HDEL', root .. ':limiter:' .. group, 'starved') == 1 and lane then
    redis.call('ZADD', of_lane('wake', lane), '0', 'marker')
  end
end

-- The worker that had the job was lost: if one of its calls was the breaker's probe, another one may go at once.
local function free_probe(id, group)
  if not group then return end
  local breaker = root .. ':breaker:' .. provider_of(group)
  local probe = redis.call('HGET', breaker, 'probe')
  if not probe or string.sub(probe, 1, #id + 1) ~= id .. ':' then return end
  redis.call('HDEL', breaker, 'probe', 'probe_until')
  redis.call('HDEL', root .. ':limiter:' .. group, 'next_at')
end
-- Fragment: what a user may spend in a day and the fleet in a month, in tokens and in millionths of a dollar. Needs keys.lua.
-- What an accepted job may come to is held until it ends; what its calls came to is spent when they end, and counts for
-- the day on which they do. A limit bounds both together. Days and months are those of UTC.
-- in_force.lua says which limits there are, hold.lua holds jobs to them. All of this is one function, since defining it costs more
-- than most scripts do: only who needs it calls it.

local function budget()
  local DAY_MS = 86400000
  -- 8 and 70 days.
  local USER_SPEND_TTL_MS, FLEET_SPEND_TTL_MS = '691200000', '6048000000'

  -- Year, month and day of a day that is counted from 1970-01-01.
  -- https://howardhinnant.github.io/date_algorithms.html#civil_from_days
  local function civil(days)
    local floor = math.floor
    days = days + 719468
    local era = floor(days / 146097)
    local of_era = days - era * 146097
    local year = floor((of_era - floor(of_era / 1460) + floor(of_era / 36524) - floor(of_era / 146096)) / 365)
    local of_year = of_era - (365 * year + floor(year / 4) - floor(year / 100))
    local from_march = floor((5 * of_year + 2) / 153)
    local month = from_march < 10 and from_march + 3 or from_march - 9
    return 400 * era + year + (month <= 2 and 1 or 0), month, of_year - floor((153 * from_march + 2) / 5) + 1
  end

  -- The day of a time, such as 2026-08-01; its month is the head of it.
  local days = {}
  local function day_of(now)
    if not days[now] then days[now] = string.format('%04d-%02d-%02d', civil(math.floor(now / DAY_MS))) end
    return days[now]
  end

  -- When the day and the month of a time end.
  local function budget_ends(now)
    local days = math.floor(now / DAY_MS)
    local _, _, day = civil(days)
    -- 31 days after its first one, every month is over.
    local beyond = days - day + 32
    local _, _, overshoot = civil(beyond)
    return text((days + 1) * DAY_MS), text((beyond - overshoot + 1) * DAY_MS)
  end

  local function budget_key() return root .. ':budget' end
  local function user_spend(day, user) return root .. ':spend:user:' .. day .. ':' .. (user or '') end
  local function fleet_spend(day) return root .. ':spend:fleet:' .. string.sub(day, 1, 7) end

  -- What is counted under a key: tokens and micro-dollars that are spent, then those that are held,
  -- then those of the spent ones that are assumed.
  local function counted_of(key)
    return redis.call('HMGET', key, 'tokens', 'micros', 'held_tokens', 'held_micros', 'assumed_tokens', 'assumed_micros')
  end

  -- Adds to what is spent (`sort` is ''), held ('held_') or assumed ('assumed_') in a day and its
  -- month. No counter falls below 0, and what is forgotten is not begun again by taking from it.
  local function count_budget(day, user, sort, tokens, micros)
    local adds, tokens_field, micros_field = tokens > 0 or micros > 0, sort .. 'tokens', sort .. 'micros'
    for key, ttl in pairs({ [user_spend(day, user)] = USER_SPEND_TTL_MS, [fleet_spend(day)] = FLEET_SPEND_TTL_MS }) do
      local counted = redis.call('HMGET', key, tokens_field, micros_field)
      if adds or counted[1] then
        redis.call('HSET', key, tokens_field, text(math.max((tonumber(counted[1]) or 0) + tokens, 0)),
          micros_field, text(math.max((tonumber(counted[2]) or 0) + micros, 0)))
      end
      if adds then redis.call('PEXPIRE', key, ttl) end
    end
  end

  -- Gives a hold back, or a part of it. Nothing happens where `held_in` is nil or false: nothing was held.
  local function budget_release(held_in, user, tokens, micros)
    if held_in then count_budget(held_in, user, 'held_', -(tonumber(tokens) or 0), -(tonumber(micros) or 0)) end
  end

  -- Adds what a call came to.
  local function budget_spend(now, user, tokens, micros)
    count_budget(day_of(now), user, '', tonumber(tokens) or 0, tonumber(micros) or 0)
  end

  -- Notes of what was spent that nobody knows it: the call timed out.
  local function budget_assume(now, user, tokens, micros)
    count_budget(day_of(now), user, 'assumed_', tonumber(tokens) or 0, tonumber(micros) or 0)
  end

  return { release = budget_release, spend = budget_spend, assume = budget_assume, key = budget_key,
    counted = counted_of, day_of = day_of, ends = budget_ends, of_user = user_spend, of_fleet = fleet_spend, user_ttl_ms = USER_SPEND_TTL_MS,
    fleet_ttl_ms = FLEET_SPEND_TTL_MS }
end
-- Fragment: what is known of a user, and of each day. Needs keys.lua.
-- `user:<user>` has first and last request and counts; `users` has all of these users by their last request, to the minute;
-- `unique:<day>` estimates how many of them there were on a day, and `day:<day>` counts what all of them did. Days are those
-- of UTC, counted from 1970-01-01. Only jobs with `listed` count: those of the API.
-- All of it is one function, since defining it costs more than it does: only who needs it calls it.

local function tracking()
  local DAY_MS = 86400000
  -- 60 and 32 days.
  local USER_TTL_MS, DAY_TTL_MS = '5184000000', '2764800000'

  local function of_user(user) return root .. ':user:' .. (user or '') end
  local function of_day(name, now) return root .. ':' .. name .. ':' .. text(math.floor(now / DAY_MS)) end

  -- Adds to a figure. What comes to just what was added has begun with it, and gets a time to live. What is no figure is
  -- dropped.
  local function add(key, field, number, ttl)
    local sum = redis.pcall('HINCRBY', key, field, number)
    if type(sum) == 'table' then
      redis.pcall('HDEL', key, field)
      sum = mend('HINCRBY', key, field, number)
    end
    if sum == tonumber(number) then redis.call('PEXPIRE', key, ttl) end
  end

  local function count_day(now, field, number) add(of_day('day', now), field, number, DAY_TTL_MS) end

  -- A job of the user has ended in `state`; a failed one with `code`.
  local function count_end(user, state, now, code)
    add(of_user(user), state, '1', USER_TTL_MS)
    if state == 'failed' then redis.call('HSET', of_user(user), 'error', code or '', 'error_at', text(now)) end
    count_day(now, state, '1')
  end

  local function take_one_off(key, field)
    local left = redis.pcall('HINCRBY', key, field, '-1')
    if type(left) == 'number' and left < 0 then redis.call('HDEL', key, field) end
  end

  -- A job of the user that had failed at `ended` goes on: it counts as failed no more.
  local function count_back(user, ended)
    take_one_off(of_user(user), 'failed')
    if ended then take_one_off(of_day('day', ended), 'failed') end
  end

  return { ended = count_end, put_back = count_back, of_all = count_day, user = of_user, day = of_day, day_ms = DAY_MS,
    user_ttl_ms = USER_TTL_MS, day_ttl_ms = DAY_TTL_MS }
end
-- Fragment: work that several jobs want. Needs keys.lua.
-- `leader:<digest>` names the job that does the work. `answer:<digest>` names, when it was done, the job whose result answers for
-- it, until when, and whose that was (SHA-1 of the user). Jobs that want what a leader is doing follow it: they are in no line, in
-- `followers:<leader>`. `repeat:<digest>:<user>` is the user's own job for it, where that is not the leader.

local function of_leader(digest) return root .. ':leader:' .. digest end
local function of_answer(digest) return root .. ':answer:' .. digest end
local function of_repeat(digest, user) return root .. ':repeat:' .. digest .. ':' .. (user or '') end

-- Lets a key live for at least `ms` more.
local function outlive(key, ms)
  local left = redis.call('PTTL', key)
  if left ~= -2 and left < ms then redis.call('PEXPIRE', key, text(ms)) end
end

-- In these states the work of a job is not over.
local RUNNING = { waiting = true, scheduled = true, active = true }
local ENDED = { completed = true, failed = true, cancelled = true }

-- The state of a job; false where there is none.
local function state_of(job)
  local state = job and redis.pcall('HGET', of_job('job', job), 'state')
  return type(state) == 'string' and state
end

-- Whether there is a result of the job that others can have.
local function answers(job) return redis.call('TYPE', of_job('result', job)).ok == 'string' end

-- What stands in an answer: the job, until when (ms), and whose it is.
local function read_answer(text)
  if text then return string.match(text, '^(%S+) (%d+) (%x+)$') end
end

-- The job whose result answers now; nil where none does.
local function answering(text, now)
  local job, ends = read_answer(text)
  if job and now < tonumber(ends) and answers(job) then return job end
end

-- Ends what a job does for others; `pass_on.lua` has it.
local end_work
-- Fragment: failed attempts and dead letters. Needs keys.lua, line.lua, slot.lua, budget.lua, users/track.lua and share.lua.
-- Fragment: bytes that are counted of payloads and results. Needs keys.lua.

-- Takes `bytes` off what is counted under `name`: the payloads of a queue, or all results. Nothing counted is no field.
local function uncount(name, bytes)
  local sizes = root .. ':bytes'
  local left = redis.pcall('HINCRBY', sizes, name, '-' .. bytes)
  if type(left) ~= 'number' or left <= 0 then redis.call('HDEL', sizes, name) end
end

-- Adds a failed attempt to the job's record, of which the newest 50 are kept.
local function record_attempt(id, now, entry)
  entry.ended, entry.attempt, entry.started = now, whole_number(entry.attempt) or 0, whole_number(entry.started)
  local key = of_job('attempts', id)
  redis.pcall('RPUSH', key, cjson.encode(entry))
  redis.pcall('LTRIM', key, '-50', '-1')
end

-- Gives back what a job that has ended in `state` was held to by the budget, and its room in the queue, drops its recording and
-- counts it. A dead letter keeps in mind what it may come to, should it be put back. Returns the digest of its work and its user.
local function close_books(id, state, now, code)
  local key = of_job('job', id)
  local job = redis.call('HMGET', key, 'held', 'user', 'held_tokens', 'held_micros', 'bytes', 'content', 'listed', 'recording')
  local bytes = whole_number(job[5])
  if bytes then uncount(queue, text(bytes)) end
  if job[1] then budget().release(job[1], job[2], whole_number(job[3]), whole_number(job[4])) end
  if job[1] and state == 'failed' then
    local spent = redis.call('HMGET', key, 'spent_tokens', 'spent_micros')
    redis.call('HDEL', key, 'held', 'spent_tokens', 'spent_micros', 'bytes')
    redis.call('HSET', key, 'held_tokens', text((whole_number(job[3]) or 0) + (whole_number(spent[1]) or 0)),
      'held_micros', text((whole_number(job[4]) or 0) + (whole_number(spent[2]) or 0)))
  elseif job[1] or job[5] then
    redis.call('HDEL', key, 'held', 'held_tokens', 'held_micros', 'spent_tokens', 'spent_micros', 'bytes')
  end
  if job[8] then redis.call('UNLINK', of_job('recording', id)) end
  if job[7] == '1' then tracking().ended(job[2], state, now, code) end
  return job[6], job[2]
end

-- Drops what is left of a job whose hash is gone; those that follow it go on.
local function drop_remains(id, now)
  for _, index in ipairs({ 'leases', 'scheduled', 'deadlines' }) do redis.call('ZREM', of_queue(index), id) end
  end_work(id, nil, nil, 'gone', now)
  redis.call('UNLINK', of_job('checkpoints', id), of_job('attempts', id), of_job('recording', id))
end

-- Dead letters beyond this many push out the oldest.
local DEAD_MAX = 100000

-- Makes a dead letter of the job, wherever it stands. Its payload, its checkpoints and its record stay with it.
-- `lane` and `class` where it may be in line.
local function bury(id, lane, class, now, dead_ttl, code, message)
  local job, dead = of_job('job', id), of_queue('dead')
  redis.call('ZREM', of_queue('leases'), id)
  redis.call('ZREM', of_queue('scheduled'), id)
  redis.call('ZREM', of_queue('deadlines'), id)
  if lane and class then leave_line(id, lane, class) end
  local content, user = close_books(id, 'failed', now, code)
  redis.call('HSET', job, 'state', 'failed', 'ended', text(now), 'code', code, 'message', message)
  redis.call('HDEL', job, 'worker', 'run_at', 'group', 'permit')
  for _, name in ipairs({ 'job', 'checkpoints', 'attempts' }) do redis.call('PEXPIRE', of_job(name, id), dead_ttl) end
  redis.call('ZADD', dead, text(now), id)
  if redis.call('ZCARD', dead) > DEAD_MAX then
    for _, oldest in ipairs(redis.call('ZRANGE', dead, '0', '1')) do
      redis.call('ZREM', dead, oldest)
      redis.call('UNLINK', of_job('job', oldest), of_job('checkpoints', oldest), of_job('attempts', oldest))
    end
  end
  redis.call('PUBLISH', of_job('events', id), 'failed')
  end_work(id, content, user, 'failed', now)
end
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

local key, now = of_job('job', id), now_ms()
local job = redis.pcall('HMGET', key, 'state', 'lane', 'class', 'group', 'permit', 'follows')
local state = job[1]
if ENDED[state] then return { 'ended', state } end
if not RUNNING[state] then return { 'gone' } end

for _, index in ipairs({ 'leases', 'scheduled', 'deadlines' }) do redis.call('ZREM', of_queue(index), id) end
if job[2] and job[3] then leave_line(id, job[2], job[3]) end
if state == 'active' then revoke(id, job[4], job[5]) end
local digest, user = close_books(id, 'cancelled', now)
local ended = text(now)
redis.call('HSET', key, 'state', 'cancelled', 'ended', ended, 'code', ARGV[5], 'message', ARGV[6], 'payload', '')
redis.call('HDEL', key, 'worker', 'run_at', 'group', 'permit', 'follows')
redis.call('PEXPIRE', key, completed_ttl)
redis.call('ZADD', of_queue('done'), ended, id)
-- Its checkpoints may go on with a follower.
end_work(id, digest, user, 'cancelled', now)
redis.call('UNLINK', of_job('checkpoints', id), of_job('attempts', id))
redis.call('PUBLISH', of_job('events', id), 'cancelled')
return { 'cancelled' }
