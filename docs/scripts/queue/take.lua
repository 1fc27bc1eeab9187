-- Leases up to `want` jobs to a worker, each with the permit for its first call, after what time has brought about was done.
-- A repeated request (its answer was lost) gets the same jobs again.
-- KEYS  1 root
-- ARGV  1 queue  2 worker  3 request  4 want (at most 64)  5 lease_ms  6 dead_ttl_ms  7 completed_ttl_ms  8 group ('': no
--       limit)  9 most tokens of a job that one call sends  10 tokens of a call beside them  11 jobs that the worker holds
--       12 '1': it has finished a job  13 how long it has lived, in ms  14 crashes that make a job a dead letter
--       15 what the worker expects Redis' clock to say ('': it does not know yet)  16… lanes that the worker knows
-- Returns {'jobs', wait_ms, lost, now, {id, lane, fence, attempt, max_attempts, resumed, payload}, …}: wait_ms as below, where less
--         than `want` came since no more may run; else 0. lost: jobs that were taken back from workers that were lost
--       | {'wait', ms (-1: until woken), why, lost, now}
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
-- Fragment: whether Redis' clock says what the caller expects of it.

-- What differs by more is a step.
local STEP_MS = 2000
-- After this time every process that lives has said what it sees.
local SEEN_BY_ALL_MS = 12000

-- Milliseconds by which Redis' clock is ahead of what the caller expects (`expected`, '' where it does not know yet); nil where
-- that is no step. A message that was long on its way looks like a step forward: no permit is given on either.
local function skew_of(now, expected)
  local skew = expected and expected ~= '' and now - tonumber(expected)
  if skew and math.abs(skew) > STEP_MS then return skew end
end
local worker, request, want, lease_ms, dead_ttl = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]
local completed_ttl = ARGV[7]
local group, chunk_tokens, call_tokens = ARGV[8], tonumber(ARGV[9]), tonumber(ARGV[10])
local now = now_ms()
local expected = ARGV[15]
local last_take = root .. ':take:' .. worker
-- One answer stays well below what a slow network carries in time: with payloads beyond this many bytes it is full.
local BYTES_MAX = 1048576
-- Full passes over what time brings about happen at least this often, also while nothing may run.
local PASS_MS = 1000
-- A booked worker that does not come in time loses its booking.
local BOOKING_MS = 50
-- While a worker was lost within this many leases, a process that has not finished a job yet holds one at a time: a crash loop
-- costs one job a start.
local LOSS_LEASES = 5
-- A worker that sees another time than it expects reports that, and asks again after this time.
local SKEWED_MS = 250
-- A worker that may have no more jobs for this reason asks again after this time.
local UNPROVEN_MS = 500

-- The answer to a repeated request: what of its jobs is still held.
local function taken_before(previous, request)
  local jobs = { 'jobs', 0, 0, text(now) }
  for id, fence in string.gmatch(string.sub(previous, #request + 1), ' (%S+)=(%d+)') do
    local job = redis.pcall('HMGET', of_job('job', id), 'fence', 'state', 'attempts', 'max', 'lane', 'resumed', 'payload')
    if job[1] == fence and job[2] == 'active' then
      jobs[#jobs + 1] = { id, job[5], fence, job[3], job[4], job[6] and '1' or '0', job[7] or '' }
    end
  end
  return jobs
end

-- {'wait', …} where no call whatsoever may go yet, as an earlier take found out: a refused take is a cheap one.
local function known_wait(group, worker, now)
  local f = redis.call('HMGET', root .. ':limiter:' .. group, 'next_at', 'why', 'passed', 'booked', 'booked_until')
  local wait = (tonumber(f[1]) or 0) - now
  local passed = tonumber(f[3]) or 0
  if wait <= 0 or now - passed >= PASS_MS or passed > now then return nil end
  if f[4] and f[4] ~= worker and now < (tonumber(f[5]) or 0) then wait = -1 end
  if wait >= 0 and f[4] ~= worker then
    write_though_full()
    redis.call('HSET', root .. ':limiter:' .. group, 'booked', worker, 'booked_until', text(now + wait + BOOKING_MS))
  end
  return { 'wait', wait, f[2] or '', 0, text(now) }
end

-- What comes after these is not even defined for a take that ends here: a refused one costs little more than a GET.
local previous = redis.call('GET', last_take)
if previous and string.sub(previous, 1, #request + 1) == request .. ' ' then return taken_before(previous, request) end
local known = group ~= '' and known_wait(group, worker, now)
if known then return known end
-- By a clock that has stepped nothing is brought about, before it is known that it has.
if group ~= '' and skew_of(now, expected) then return { 'wait', SKEWED_MS, 'clock', 0, text(now) } end

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
-- Fragment of take: who is next. Needs line.lua.
-- Between classes: each has a clock that moves by its stride with every job taken, and the class whose clock is behind
-- goes first. A class that had nothing waiting does not save up: it begins at the present. So an interactive job is next,
-- or the one after next where a lower class's share is due.
-- Within a class, by rank (rank.lua).

-- Shares of 75, 20 and 5 % where all three have work.
local CLASSES = { 'interactive', 'normal', 'bulk' }
local STRIDES = { interactive = 4, normal = 15, bulk = 60 }

-- The heads of each class, at most `most` of each: ids, ranks and lanes, in order.
local function lines(lanes, most)
  local fields = { 'lost', 'now', CLASSES[1], CLASSES[2], CLASSES[3] }
  for _, lane in ipairs(lanes) do
    fields[#fields + 1] = 'aside:' .. lane
    fields[#fields + 1] = 'suspects:' .. lane
  end
  local f = redis.call('HMGET', of_queue('order'), unpack(fields))
  local order = { lost = tonumber(f[1]) or 0, now = tonumber(f[2]) or 0, classes = {}, untried = false, suspects = {} }
  local aside = {}
  for n, lane in ipairs(lanes) do
    aside[lane] = f[4 + 2 * n] and 0
    if f[5 + 2 * n] then order.suspects[#order.suspects + 1] = lane end
  end
  for c, class in ipairs(CLASSES) do
    local heads, parts = {}, 0
    local function read(lane, key, is_aside)
      local part = redis.call('ZRANGE', key, 0, most - 1, 'WITHSCORES')
      if part[1] then parts = parts + 1 end
      for i = 1, #part, 2 do
        heads[#heads + 1] = { id = part[i], lane = lane, key = key, rank = tonumber(part[i + 1]), aside = is_aside }
      end
      return #part
    end
    for _, lane in ipairs(lanes) do
      if read(lane, of_line(lane, class)) > 0 then order.untried = true end
      if aside[lane] then aside[lane] = aside[lane] + read(lane, of_aside(lane, class), true) end
    end
    if heads[1] then
      if parts > 1 then
        table.sort(heads, function(a, b) return a.rank < b.rank or (a.rank == b.rank and a.id < b.id) end)
      end
      table.insert(order.classes, { class = class, heads = heads, at = 1, clock = tonumber(f[c + 2]) or 0 })
    end
  end
  for lane, found in pairs(aside) do
    if found == 0 then redis.call('HDEL', of_queue('order'), 'aside:' .. lane) end
  end
  return order
end

-- Leaves jobs aside where another one can be the trial or the probe: a refused job says nothing about the upstream.
local function leave_aside(order)
  if not order.untried then return end
  for _, line in ipairs(order.classes) do
    local heads = {}
    for _, head in ipairs(line.heads) do
      if not head.aside then heads[#heads + 1] = head end
    end
    line.heads = heads
  end
end

-- The line whose turn it is, its head, and its start; nil where nothing waits.
local function whose_turn(order)
  local turn, start
  for _, line in ipairs(order.classes) do
    if line.heads[line.at] then
      local own = line.clock > order.now and line.clock or order.now
      if not start or own < start then turn, start = line, own end
    end
  end
  return turn, turn and turn.heads[turn.at], start
end

-- Moves on, after the head of `line` was taken.
local function pass(order, line, start)
  order.now, order.moved = start, true
  line.clock = start + STRIDES[line.class]
  -- A rank that no count of jobs comes to is none of ours.
  if line.heads[line.at].rank < 2 ^ 53 then line.moved = line.heads[line.at].rank end
  line.at = line.at + 1
end

-- Writes down where the clocks stand. Shares that lie in the past are those of users who have nothing waiting.
local function keep_order(order)
  if not order.moved then return end
  local clocks = { 'now', text(order.now) }
  for _, line in ipairs(order.classes) do
    if line.moved then
      local shares, present = of_lane('shares', line.class), text(line.moved)
      redis.call('ZADD', shares, 'GT', present, '')
      redis.call('ZREMRANGEBYSCORE', shares, '-inf', '(' .. present)
      redis.call('ZREMRANGEBYSCORE', of_lane('newcomers', line.class), '-inf', present)
      table.insert(clocks, line.class)
      table.insert(clocks, text(line.clock))
    end
  end
  redis.call('HSET', of_queue('order'), unpack(clocks))
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
-- Fragment: results that answer for more than one job. Needs keys.lua and share.lua.

-- Most results that make room at a time.
local EVICT_MOST = 16

-- Whose result a member of `cached` is: the digest, the job, and its size in bytes.
local function cached_entry(member) return string.match(member, '^(%S+) (%S+) (%d+)$') end

-- The result no longer answers for new jobs. Those that it has answered for keep it.
local function forget_result(member)
  local digest, id, bytes = cached_entry(member)
  if not digest then return end
  uncount('results', bytes)
  if read_answer(mend('GET', of_answer(digest))) == id then redis.call('DEL', of_answer(digest)) end
  return id
end

-- Keeps what a job of `user` came to apart from the job, and lets it answer for the same work for `cache_ttl` ms. Where all
-- results together have more than `cache_max` bytes, the oldest make room.
local function keep_result(id, digest, result, user, now, completed_ttl, cache_ttl, cache_max)
  redis.call('SET', of_job('result', id), result, 'PX', text(math.max(completed_ttl, cache_ttl)))
  if cache_ttl <= 0 or #result > cache_max then return end
  local cached, ends = root .. ':cached', text(now + cache_ttl)
  redis.call('SET', of_answer(digest), id .. ' ' .. ends .. ' ' .. redis.sha1hex(user or ''), 'PX', text(cache_ttl))
  redis.call('ZADD', cached, ends, digest .. ' ' .. id .. ' ' .. #result)
  local bytes = tonumber(redis.pcall('HINCRBY', root .. ':bytes', 'results', #result)) or 0
  for _ = 1, EVICT_MOST do
    if bytes <= cache_max then return end
    local oldest = redis.call('ZPOPMIN', cached)[1]
    local evicted = oldest and forget_result(oldest)
    if not evicted then return end
    if redis.call('PTTL', of_job('result', evicted)) > completed_ttl then
      redis.call('PEXPIRE', of_job('result', evicted), text(completed_ttl))
    end
    bytes = tonumber(redis.call('HGET', root .. ':bytes', 'results')) or 0
  end
end
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
-- Fragment of take: jobs whose time has come get in line. Needs line.lua and broken.lua.

-- Moves at most `most` due jobs.
local function promote(now, most, dead_ttl)
  local scheduled = of_queue('scheduled')
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', scheduled, '-inf', now, 'LIMIT', 0, most)) do
    redis.call('ZREM', scheduled, id)
    local job = redis.pcall('HMGET', of_job('job', id), 'lane', 'class', 'rank', 'state')
    local rank = job[4] == 'scheduled' and place(job[1], job[2], job[3])
    if rank then
      redis.call('HSET', of_job('job', id), 'state', 'waiting')
      put_in_line(id, job[1], job[2], rank)
    elseif job[4] == 'scheduled' or is_broken(job, job[4]) then
      bury_broken(id, job, job[1], job[2], now, dead_ttl)
    end
  end
end

-- Milliseconds until time brings the next thing about: a job falls due, a lease lapses, a deadline passes. nil where
-- nothing will. 0 means that more is due than one take moves.
local function next_due(now)
  local first
  for _, name in ipairs({ 'scheduled', 'leases', 'deadlines' }) do
    local head = redis.call('ZRANGE', of_queue(name), 0, 0, 'WITHSCORES')
    local due = tonumber(head[2])
    if due and (not first or due < first) then first = due end
  end
  return first and math.max(first - now, 0)
end
-- Fragment of take: jobs whose worker was lost with them. Needs line.lua.
-- Any job of a lost worker may be what ended it. So only a process that has proven itself (it has finished a job, or lived for a
-- lease) takes suspects: at most four at a time that were lost once, or one that was lost again. A crash counts against a job
-- that was the only suspect of its process. `suspects_of:<worker>` has the suspects that a worker was given, with '1' (lost once) or
-- '2' (lost again) and the fence; and under 'n' how many it had when it was lost.

local function of_holder(worker) return root .. ':suspects_of:' .. worker end
local HOLDER_TTL_MS = '86400000'

-- The suspects that the worker still has: how many that were lost once, and again. Forgets the others.
local function suspects_held(worker)
  local held = { ['1'] = 0, ['2'] = 0 }
  local kept = redis.call('HGETALL', of_holder(worker))
  for i = 1, #kept, 2 do
    local id, times, fence = kept[i], string.match(kept[i + 1], '^([12]):(%d+)$')
    if id ~= 'n' then
      local job = redis.pcall('HMGET', of_job('job', id), 'state', 'worker', 'fence')
      if times and job[1] == 'active' and job[2] == worker and job[3] == fence then
        held[times] = held[times] + 1
      else
        redis.call('HDEL', of_holder(worker), id)
      end
    end
  end
  return held['1'], held['2']
end

-- Whether the lost `worker` had no other suspect than job `id`. All of its jobs lapse together, or nearly: the first one counts.
local function was_only_suspect(worker, id)
  local key = of_holder(worker)
  if redis.call('HEXISTS', key, id) == 0 then return false end
  local count = redis.call('HGET', key, 'n')
  if not count then
    local once, again = suspects_held(worker)
    -- The job itself is active still.
    count = text(once + again)
    redis.call('HSET', key, 'n', count)
  end
  return count == '1'
end

-- The suspects in line, oldest first, for a worker that has proven itself.
local function open_suspects(worker, order)
  local s = { at = 1, heads = {} }
  for _, lane in ipairs(order.suspects) do
    local key = of_suspects(lane)
    local part = redis.call('ZRANGE', key, 0, 4, 'WITHSCORES')
    if not part[1] then redis.call('HDEL', of_queue('order'), 'suspects:' .. lane) end
    for i = 1, #part, 2 do
      local times = redis.pcall('HGET', of_job('job', part[i]), 'losses')
      s.heads[#s.heads + 1] = { id = part[i], lane = lane, key = key, since = tonumber(part[i + 1]), times = times == '1' and '1' or '2' }
    end
  end
  table.sort(s.heads, function(a, b) return a.since < b.since or (a.since == b.since and a.id < b.id) end)
  if s.heads[1] then s.once, s.again = suspects_held(worker) end
  return s
end

-- The next suspect that the worker may have; nil where there is none.
local function next_suspect(s)
  local head = s.heads[s.at]
  if not head or s.again > 0 then return nil end
  if head.times == '1' and s.once < 4 or head.times == '2' and s.once == 0 then return head end
end

-- The worker has got a suspect.
local function hold_suspect(s, worker, head, fence)
  s.at = s.at + 1
  if head.times == '1' then s.once = s.once + 1 else s.again = s.again + 1 end
  redis.call('HSET', of_holder(worker), head.id, head.times .. ':' .. fence)
  redis.call('HDEL', of_holder(worker), 'n')
  redis.call('PEXPIRE', of_holder(worker), HOLDER_TTL_MS)
end

-- Wakes another worker for suspects that are left in line, where it may have some. Where this one has none since it has not
-- proven itself yet, it asks again in a while: how many ms until then.
local function suspects_left(s, order, proven, lease_left)
  if not order.suspects[1] then return nil end
  local first = s and s.heads[s.at]
  if proven and not (first and s.at > 1) then return nil end
  for _, lane in ipairs(order.suspects) do redis.call('ZADD', of_lane('wake', lane), '0', 'marker') end
  return not proven and math.max(math.min(lease_left, UNPROVEN_MS), 1) or nil
end
-- Fragment: jobs outlive a time in which nobody could renew a lease: Redis was away, frozen or cut off, or its clock has
-- stepped. Needs keys.lua and limiter/skew.lua.
-- Their workers go on with them and come back with what is paid for, so they have one lease to do that in.

-- The time of the last script that saw the leases is written this often, and at least eight times a lease.
local SEEN_MS = 1000
-- A clock that runs back by more has stepped.
local BACK_MS = 2000
-- Members that one command moves.
local AT_ONCE = 500

-- Sets the score of every member of a sorted set by `score_of(score)`; nil leaves it as it is.
local function move_all(key, from, to, score_of)
  local members = redis.call('ZRANGEBYSCORE', key, from, to, 'WITHSCORES')
  local moved = {}
  for i = 1, #members, 2 do
    moved[#moved + 1] = text(score_of(tonumber(members[i + 1])))
    moved[#moved + 1] = members[i]
    if #moved >= 2 * AT_ONCE or i + 2 > #members then
      redis.call('ZADD', key, 'XX', unpack(moved))
      moved = {}
    end
  end
end

-- No lease that ends after `from` lapses for one lease from now. `group`: whose slots these jobs hold ('': nobody's).
local function hold_leases(now, lease, group, from)
  local function a_lease_from_now() return now + lease end
  move_all(of_queue('leases'), from, '+inf', a_lease_from_now)
  if group ~= '' then move_all(root .. ':inflight:' .. group, from, '+inf', a_lease_from_now) end
  redis.call('HSET', of_queue('order'), 'seen', text(now))
end

-- The clock went forward: deadlines that passed with it are as far away as they were.
local function later_deadlines(now, skew)
  move_all(of_queue('deadlines'), text(now - skew), text(now), function(at) return at + skew end)
end

-- The clock went back: jobs that wait for a time have no longer to wait for it than before.
local function earlier_jobs(now, skew)
  local order = of_queue('order')
  local f = redis.call('HMGET', order, 'went_back', 'lost')
  local before, lost = tonumber(f[1]), tonumber(f[2])
  if before and math.abs(now - before) < SEEN_BY_ALL_MS then return end
  redis.call('HSET', order, 'went_back', text(now))
  move_all(of_queue('scheduled'), text(now), '+inf', function(at) return math.max(at + skew, now) end)
  if lost and lost > now then redis.call('HSET', order, 'lost', text(now)) end
end

-- Notes that leases are looked after, and holds them where nobody has for more than half a lease.
local function heed_outage(now, lease, group)
  local order = of_queue('order')
  local seen = tonumber(redis.call('HGET', order, 'seen'))
  local gap = seen and now - seen or 0
  if seen and gap < math.min(SEEN_MS, lease / 8) and gap >= -BACK_MS then return end
  if gap > lease / 2 or gap < -BACK_MS then
    -- What had lapsed before that was looked after.
    hold_leases(now, lease, group, gap > 0 and '(' .. text(seen) or '-inf')
    if gap < 0 then earlier_jobs(now, gap) end
  else
    redis.call('HSET', order, 'seen', text(now))
  end
end
-- Fragment of take: any live worker takes jobs back whose lease has lapsed; there is no leader. Needs suspects.lua, bury.lua and
-- broken.lua.

-- Workers that were lost in this time are known by name, at most so many.
local LOST_KEPT_MS, LOST_MAX = 3600000, 1000

-- Takes back at most `most` jobs; how many. The attempt that was under way is given back: what counts is how often a job was the
-- only suspect of a process that was lost, and with `max_crashes` of these it is a dead letter.
local function reclaim(now, most, dead_ttl, max_crashes)
  local leases, lost, workers = of_queue('leases'), 0, {}
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', now, 'LIMIT', 0, most)) do
    local job = redis.pcall('HMGET', of_job('job', id), 'lane', 'class', 'state', 'attempts', 'max', 'worker', 'started',
      'rank', 'group', 'permit', 'losses', 'crashes')
    local rank = place(job[1], job[2], job[8])
    if job[3] ~= 'active' then
      redis.call('ZREM', leases, id)
      if is_broken(job, job[3]) then bury_broken(id, job, job[1], job[2], now, dead_ttl) end
    elseif not rank then
      redis.call('ZREM', leases, id)
      if job[9] then free_slot(id, job[1] or '', job[9], job[10]) end
      bury_broken(id, job, job[1], job[2], now, dead_ttl)
    else
      local worker, losses, crashes = job[6] or '', whole_number(job[11]) or 0, whole_number(job[12]) or 0
      local counts = losses > 0 and was_only_suspect(worker, id)
      redis.call('ZREM', leases, id)
      free_slot(id, job[1], job[9], job[10])
      free_probe(id, job[9])
      local message = 'The worker was lost while it ran the job'
      record_attempt(id, now, {
        attempt = job[4], worker = worker, started = job[7], code = 'worker_lost', message = message })
      lost, workers[worker] = lost + 1, true
      if counts then crashes = crashes + 1 end
      local key = of_job('job', id)
      redis.call('HSET', key, 'losses', text(losses + 1), 'crashes', text(crashes))
      if crashes >= max_crashes then
        bury(id, job[1], job[2], now, dead_ttl, 'worker_lost', message .. ', each time that it was its only suspect')
      else
        redis.call('HSET', key, 'state', 'waiting', 'code', 'worker_lost', 'message', message, 'lost', text(now),
          'attempts', text(math.max((whole_number(job[4]) or 0) - 1, 0)), 'resumed', '1')
        put_in_line(id, job[1], job[2], rank)
        redis.call('HDEL', key, 'group', 'permit')
      end
    end
  end
  if lost > 0 then
    local names = of_queue('lost')
    redis.call('HSET', of_queue('order'), 'lost', text(now))
    for worker in pairs(workers) do redis.call('ZADD', names, 'NX', text(now), worker) end
    redis.call('ZREMRANGEBYSCORE', names, '-inf', text(now - LOST_KEPT_MS))
    redis.call('ZREMRANGEBYRANK', names, 0, -LOST_MAX - 1)
    redis.call('PEXPIRE', names, text(LOST_KEPT_MS))
  end
  return lost
end
-- Fragment of take: what time alone brings about. Needs broken.lua and result.lua.

-- Ends at most `most` jobs that are past their deadline, whatever they are doing: a later settle finds them ended.
local function end_overdue(now, most, dead_ttl)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', of_queue('deadlines'), '-inf', now, 'LIMIT', 0, most)) do
    local job = redis.pcall('HMGET', of_job('job', id), 'lane', 'state', 'attempts', 'worker', 'started', 'class',
      'group', 'permit')
    if job.err or not job[2] then
      bury_broken(id, job, job[1], job[6], now, dead_ttl)
    else
      local message = 'The job did not end before its deadline'
      if job[2] == 'active' then
        revoke(id, job[7], job[8])
        record_attempt(id, now, { attempt = job[3], worker = job[4] or '', started = job[5],
          code = 'deadline_exceeded', message = message })
      end
      bury(id, job[1], job[6], now, dead_ttl, 'deadline_exceeded', message)
    end
  end
end

-- Entries of one index that a take forgets. More than its worker can have ended since the last one, so that none outlive their
-- jobs for long.
local FORGET_MOST = 1000

-- Forgets entries of an index that are older than `before`. Whether there are more, and those that were.
local function forget(index, before)
  local old = redis.call('ZRANGEBYSCORE', index, '-inf', before, 'LIMIT', 0, FORGET_MOST)
  if old[1] then redis.call('ZREM', index, unpack(old)) end
  return #old == FORGET_MOST, old
end

-- Forgets results that no longer answer, as `until` says to whoever asks for their content. Whether there are more.
local function forget_results(now)
  local more, old = forget(root .. ':cached', now)
  local bytes = 0
  for _, member in ipairs(old) do
    local _, _, size = cached_entry(member)
    bytes = bytes + (whole_number(size) or 0)
  end
  if bytes > 0 then uncount('results', text(bytes)) end
  return more
end
-- Fragment of take and begin: whether one more call may be let go: breaker, limiter and slots, asked together with the job
-- being taken and in the same step, so that no worker ever holds a job that it may not run.
-- Needs the fragments of limiter/ and breaker/, and slot.lua.
-- Fragment: the windows of one group of models that share a limit. Needs keys.lua.
-- `permits` is an exact log: every permit, by the time at which its call was let go. It counts for the window and the
-- guard band: what Redis' clock grants 60 s apart may reach the upstream's door closer together than that.

local function of_group(name, group) return root .. ':' .. name .. ':' .. group end

-- What a bound of 0 means: none.
local function bound(value)
  value = tonumber(value) or 0
  return value > 0 and value or nil
end

-- Drops the permits that have slid out, at most 1,000: with more the window seems fuller than it is, for one call.
local function slide(l)
  local log = of_group('permits', l.group)
  local out = redis.call('ZRANGEBYSCORE', log, '-inf', text(l.now - l.span), 'LIMIT', 0, 1000)
  if not out[1] then return end
  redis.call('ZREM', log, unpack(out))
  local freed = 0
  for _, tokens in ipairs(redis.call('HMGET', of_group('reserved', l.group), unpack(out))) do
    freed = freed + (tonumber(tokens) or 0)
  end
  if freed > 0 then
    redis.call('HDEL', of_group('reserved', l.group), unpack(out))
    l.tokens = redis.call('HINCRBY', l.key, 'tokens', -freed)
  end
end

-- The group as it stands at `now`; nil where no limits are in force, since no live worker has announced any.
local function open_limiter(group, now)
  local key = of_group('limiter', group)
  local f = redis.call('HMGET', key, 'window_ms', 'guard_ms', 'rpm', 'rps', 'tpm', 'concurrency', 'tokens', 'pause_until',
    'refusals', 'warm_until', 'learned_rpm', 'room', 'room_until', 'header_tpm', 'hold_until', 'step', 'granted', 'trial',
    'sure_rpm', 'reached', 'watch_until', 'used_mean', 'reserved_mean', 'overuse_until',
    'announced_rpm', 'announced_tpm')
  if not f[1] then return nil end
  local l = { group = group, key = key, now = now, window = tonumber(f[1]), guard = tonumber(f[2]) or 0, rpm = bound(f[3]),
    rps = bound(f[4]), tpm = bound(f[5]), concurrency = bound(f[6]), tokens = tonumber(f[7]) or 0,
    pause_until = tonumber(f[8]) or 0, refusals = tonumber(f[9]) or 0, cold = now >= (tonumber(f[10]) or 0), new = 0,
    learned = tonumber(f[11]), room = now < (tonumber(f[13]) or 0) and tonumber(f[12]) or nil,
    header_tpm = tonumber(f[14]), hold_until = tonumber(f[15]) or 0, step = tonumber(f[16]) or 0,
    granted = tonumber(f[17]) or 0, trial = f[18], sure = tonumber(f[19]), reached = f[20] == '1',
    watch_until = tonumber(f[21]) or 0, used_mean = tonumber(f[22]) or 0, reserved_mean = tonumber(f[23]) or 0,
    overuse = now < (tonumber(f[24]) or 0), announced_rpm = tonumber(f[25]), announced_tpm = tonumber(f[26]), grants = {} }
  l.span = l.window + l.guard
  l.logged = l.rpm or l.rps or l.tpm
  l.configured_rpm = l.rpm
  if l.logged then
    slide(l)
    l.count = redis.call('ZCARD', of_group('permits', group))
    -- The log has a time to live: when it is gone, so is what it held.
    if l.count == 0 and l.tokens ~= 0 then
      l.tokens = 0
      redis.call('HSET', key, 'tokens', '0')
    end
  end
  return l
end

-- Milliseconds until at most `most` of the permits of the last `span` ms are left; nil where that is so now.
local function until_room(l, span, most)
  local log, from = of_group('permits', l.group), text(l.now - span)
  local count = span == l.span and l.count or redis.call('ZCOUNT', log, '(' .. from, '+inf')
  local over = count + l.new - most
  if over <= 0 then return nil end
  local blocking = count >= over and redis.call('ZRANGEBYSCORE', log, '(' .. from, '+inf', 'WITHSCORES', 'LIMIT', over - 1, 1)
  if not blocking or not blocking[2] then return span end
  return math.max(tonumber(blocking[2]) + span - l.now, 1)
end

-- Milliseconds until `cost` more tokens fit; nil where they do now. A call above the limit itself waits for an empty window.
local function until_tokens(l, cost)
  if not l.tpm then return nil end
  local over = l.tokens + math.min(cost, l.tpm) - l.tpm
  if over <= 0 then return nil end
  local oldest = redis.call('ZRANGE', of_group('permits', l.group), 0, 63, 'WITHSCORES')
  for i = 1, #oldest, 2 do
    over = over - (tonumber(redis.call('HGET', of_group('reserved', l.group), oldest[i])) or 0)
    if over <= 0 or i + 2 > #oldest then return math.max(tonumber(oldest[i + 1]) + l.span - l.now, 1) end
  end
  return l.span
end

-- A reservation of `cost` tokens, scaled by what recent calls really used of theirs.
local function scaled(l, cost)
  if not l.overuse or l.used_mean <= l.reserved_mean then return cost end
  return math.ceil(cost * l.used_mean / l.reserved_mean)
end
-- Fragment: permits in the log. Needs window.lua.

-- Reserves a permit for one call; `keep_grants` writes it down.
local function grant(l, member, cost)
  l.new = l.new + 1
  l.tokens = l.tokens + cost
  table.insert(l.grants, { member, cost })
end

local function keep_grants(l)
  if not l.grants[1] then return end
  local log, reserved, entries, costs, sum = of_group('permits', l.group), of_group('reserved', l.group), {}, {}, 0
  for _, permit in ipairs(l.grants) do
    table.insert(entries, text(l.now))
    table.insert(entries, permit[1])
    if permit[2] > 0 then
      table.insert(costs, permit[1])
      table.insert(costs, text(permit[2]))
      sum = sum + permit[2]
    end
  end
  if l.logged then
    redis.call('ZADD', log, unpack(entries))
    redis.call('PEXPIRE', log, text(l.span))
    if sum > 0 then
      redis.call('HSET', reserved, unpack(costs))
      redis.call('PEXPIRE', reserved, text(l.span))
      redis.call('HINCRBY', l.key, 'tokens', text(sum))
    end
  end
  l.granted = redis.call('HINCRBY', l.key, 'granted', #l.grants)
end

-- Moves a permit to now: it counts from the moment at which its call is made. What is in the window stays as many, so
-- no window that ends later can hold more than the limit.
local function move_permit(l, member, cost, reserved)
  if not l.logged then return end
  local log = of_group('permits', l.group)
  redis.call('ZADD', log, 'XX', text(l.now), member)
  redis.call('PEXPIRE', log, text(l.span))
  if cost == reserved then return end
  redis.call('HSET', of_group('reserved', l.group), member, text(cost))
  redis.call('PEXPIRE', of_group('reserved', l.group), text(l.span))
  redis.call('HINCRBY', l.key, 'tokens', text(cost - reserved))
end
-- Fragment: whether this Redis knows of every permit. Needs keys.lua.
-- One that was restarted, or took a failed one's place, may have lost its last second of permits, and after a step of the clock
-- nobody knows which of them have slid out: no permit is given for one window. One without an epoch is new: it may have lost
-- all of them, and gives permits as soon as the workers that live have said when their last call was.

-- Workers that live report within this time.
local REPORT_MS = 4000

-- Milliseconds until permits of `group` may be given again, and why: `new_redis` or `redis_recovery`. nil where they may now.
-- `span` is the window with its guard band.
local function until_trusted(group, now, span)
  local key, info = root .. ':epoch', redis.pcall('INFO', 'server')
  local run_id = type(info) == 'string' and string.match(info, 'run_id:(%x+)') or 'unknown'
  local f = redis.call('HMGET', key, 'run_id', 'since', 'new', 'waits', 'last_call', 'stepped:' .. group)
  local since, new, stepped = tonumber(f[2]), f[3], math.min(tonumber(f[6]) or 0, now)
  if f[1] ~= run_id or not since then
    since, new = now, not f[1] and '1'
    redis.call('HSET', key, 'run_id', run_id, 'since', text(now))
    redis.call('HDEL', key, 'new', 'waits', 'last_call')
    if new then redis.call('HSET', key, 'new', new) end
  elseif since > now then
    since = now
    redis.call('HSET', key, 'since', text(now))
  end
  local ready, why = since + span, 'redis_recovery'
  if new then
    why = 'new_redis'
    if f[4] ~= '1' then ready = math.min(ready, math.max(since + REPORT_MS, (tonumber(f[5]) or 0) + span)) end
  end
  if stepped > 0 and stepped + span > ready then ready, why = stepped + span, 'redis_recovery' end
  if now < ready then return ready - now, why end
end

-- A worker says when its last call was (age in ms; -1: it has made none), and whether a new Redis is to wait for a whole window.
local function report_last_call(now, age, waits)
  local key = root .. ':epoch'
  local f = redis.call('HMGET', key, 'new', 'last_call')
  if not f[1] then return end
  if waits then redis.call('HSET', key, 'waits', '1') end
  if age >= 0 and now - age > (tonumber(f[2]) or 0) then redis.call('HSET', key, 'last_call', text(now - age)) end
end
-- Fragment: the limit that was learned from the upstream, as it holds now. Needs window.lua.
-- Two things narrow the window of requests: what the upstream announces and leaves of it (`room`, for one window), and
-- what it refuses (`learned_rpm`, which is widened again step by step).

-- Before anything has succeeded within a window, at most this many calls are let go in this many ms: so many, and not
-- all, run into an upstream that refuses everything.
local COLD_CALLS, COLD_MS = 10, 500
-- After a pause one call is let go, and the next one after this time, until one succeeds.
local TRIAL_MS = 2000
-- The first step of widening, as a share of the configured limit; each doubles the one before, up to the last. What is tried
-- beyond `sure_rpm`, the limit as it was found, goes evenly over the window: where a step was too wide, the first refusal tells it
-- before the rest is on its way.
local STEP, STEP_MAX = 0.02, 0.16

-- Takes a step up when its time has come, and narrows `l` to what was learned.
local function narrow(l)
  if l.tpm and l.header_tpm and l.header_tpm < l.tpm then l.tpm = l.header_tpm end
  if not l.rpm then return end
  if l.learned then
    local stale = l.now > l.hold_until + 16 * l.window
    -- A limit that was not reached has not been tried: nothing says that more would be accepted. In the end it is
    -- forgotten.
    if stale or (l.now >= l.hold_until and l.reached) then
      local step = l.step > 0 and l.step or STEP
      l.learned = l.learned + math.max(math.ceil(l.rpm * step), 1)
      if l.learned >= l.rpm or stale then
        redis.call('HDEL', l.key, 'learned_rpm', 'sure_rpm', 'reached', 'hold', 'hold_until', 'step', 'base', 'prior')
        l.learned = nil
      else
        l.hold_until, l.reached = l.now + l.window, false
        redis.call('HSET', l.key, 'learned_rpm', text(l.learned), 'hold_until', text(l.hold_until), 'step',
          tostring(math.min(step * 2, STEP_MAX)), 'reached', '0')
      end
    end
    if l.learned and l.learned < l.rpm then l.rpm = l.learned end
  end
  if l.room and l.room < l.rpm then l.rpm = l.room end
end

-- Notes that there were as many calls as the learned limit allows.
local function note_reached(l)
  if l.reached or l.rpm ~= l.learned then return end
  l.reached = true
  redis.call('HSET', l.key, 'reached', '1')
end
-- Fragment: whether one more call may be let go. Needs window.lua, learned.lua and epoch.lua.

-- nil unless the upstream has asked for a pause. The one call that is let go after it is not refused by itself.
local function pause_refusal(l, member)
  if l.now < l.pause_until and l.trial ~= member then
    return { l.pause_until - l.now, 'paused_by_upstream', true }
  end
end

-- nil where `cost` more tokens fit.
local function tokens_refusal(l, cost)
  local wait = cost > 0 and until_tokens(l, cost)
  if wait then return { wait, 'tokens' } end
end

-- Milliseconds until one more call may go beyond the limit that is sure; nil where it may now.
local function until_tried(l)
  if not (l.learned and l.sure and l.rpm > l.sure) or l.count + l.new < l.sure then return nil end
  return until_room(l, math.floor(l.window / (l.rpm - l.sure)), 0)
end

-- Permits are withheld, which those who look at the group or at a job that waits are told.
local function withheld(l, wait, why)
  local said = why .. ' ' .. text(l.now + wait)
  redis.call('HSET', root .. ':epoch', 'withheld:' .. l.group, said, 'withheld:' .. queue, said)
  return { wait, why, true }
end

-- nil where it may, else {wait_ms (-1: until woken), why, exact}: `exact` where no call whatsoever may go before.
local function limiter_refusal(l, cost)
  local pause = pause_refusal(l)
  if pause then return pause end
  if l.refusals > 0 and l.new > 0 then return { TRIAL_MS, 'paused_by_upstream', true } end
  local wait = l.rpm and until_room(l, l.span, l.rpm - 1)
  if wait then note_reached(l) end
  wait = wait or until_tried(l)
  if wait then return { wait, 'requests', true } end
  wait = l.rps and until_room(l, 1000 + l.guard, l.rps - 1)
  if wait then return { wait, 'requests_per_second', true } end
  wait = l.logged and l.cold and until_room(l, COLD_MS, COLD_CALLS - 1)
  if wait then return { wait, 'cold', true } end
  local tokens = tokens_refusal(l, cost)
  if tokens then return tokens end
  if not l.trusted and (l.logged or l.concurrency) then
    local why
    wait, why = until_trusted(l.group, l.now, l.span)
    if wait then return withheld(l, wait, why) end
    l.trusted = true
  end
end

-- After a pause the next call waits for the first one's answer, or for a while.
local function count_trial(l)
  if l.refusals == 0 or l.new == 0 then return end
  redis.call('HSET', l.key, 'pause_until', text(l.now + TRIAL_MS), 'trial', l.grants[1][1])
end
-- Fragment: the circuit breaker of one provider, for the whole fleet. Needs keys.lua.
-- No hash: closed. `open` until a time; then `half_open`, in which one call at a time is let go as a probe.

local function open_breaker(provider, now)
  local key = root .. ':breaker:' .. provider
  local f = redis.call('HMGET', key, 'state', 'until', 'probe', 'probe_until', 'probe_ms', 'reason')
  return { key = key, provider = provider, now = now, state = f[1] or 'closed', until_ms = tonumber(f[2]) or 0,
    probe = f[3] or nil, probe_until = tonumber(f[4]) or 0, probe_ms = tonumber(f[5]) or 60000, reason = f[6] }
end

-- nil where a call may go, else {wait_ms, why}. `member` names the call: a probe is not refused by itself.
local function breaker_refusal(b, member)
  if b.state == 'closed' or (b.probe and b.probe == member) then return nil end
  if b.now < b.until_ms then return { b.until_ms - b.now, 'breaker' } end
  if b.probe and b.now < b.probe_until then return { b.probe_until - b.now, 'breaker' } end
end

-- Makes the call that is let go the probe, where one is due.
local function count_probe(b, member)
  if b.state == 'closed' or b.probe == member then return end
  b.state, b.probe, b.probe_until = 'half_open', member, b.now + b.probe_ms
  redis.call('HSET', b.key, 'state', b.state, 'probe', member, 'probe_until', text(b.probe_until))
end

-- Everything that is asked, as it stands now; nil where no limits are in force. Without a group nothing limits a job.
local function open_gate(group, now)
  local l = open_limiter(group, now)
  if not l then return nil end
  narrow(l)
  return { l = l, b = open_breaker(provider_of(group), now) }
end

-- nil where the call `member` of `cost` tokens may go, else {wait_ms (-1: until woken), why, exact}.
local function refusal(gate, member, cost)
  return breaker_refusal(gate.b, member) or limiter_refusal(gate.l, cost)
end

-- Whether one call has to show how the upstream is, before others go.
local function is_careful(gate) return gate.b.state ~= 'closed' or gate.l.refusals > 0 end

local function let_go(gate, member, cost)
  count_probe(gate.b, member)
  grant(gate.l, member, cost)
end

-- nil where one more job may run at once, else {-1, why}: a slot is freed by the end of a job.
local function slot_refusal(gate)
  local l = gate.l
  if not l.concurrency then return nil end
  local slots = of_group('inflight', l.group)
  if not l.slots then
    redis.call('ZREMRANGEBYSCORE', slots, '-inf', text(l.now))
    l.slots = redis.call('ZCARD', slots)
  end
  if l.slots + l.new < l.concurrency then return nil end
  redis.call('HSET', l.key, 'starved', '1')
  return { -1, 'concurrency' }
end

local function close_gate(gate)
  count_trial(gate.l)
  keep_grants(gate.l)
end
-- Fragment of take: jobs wait and none may run now. Needs keys.lua.
-- One worker of the fleet is booked: it asks again when the next permit is due. The others wait until they are woken.

-- Why no job of this queue may be taken at all.
local function paused(group, gate)
  if redis.call('HEXISTS', of_queue('order'), 'paused') == 1 then return { -1, 'paused' } end
  if redis.call('HEXISTS', root .. ':budget', 'kill') == 1 then return { -1, 'killed' } end
  if group ~= '' and not gate then return { 0, 'unannounced' } end
end

-- Books `worker` for the wait, unless another one is, or it has no free slot left. Returns {wait_ms, why, wake}: `wake`
-- where someone else is needed to be booked.
local function book(group, worker, wait, now, free)
  if group == '' or wait[2] == 'unannounced' then return wait end
  local key, ms = root .. ':limiter:' .. group, wait[1]
  local f = redis.call('HMGET', key, 'booked', 'booked_until')
  local fields, wake = { 'passed', text(now) }, false
  if wait[3] and ms > 0 then
    for _, word in ipairs({ 'next_at', text(now + ms), 'why', wait[2] }) do table.insert(fields, word) end
  end
  if ms >= 0 then
    local other = f[1] and f[1] ~= worker and now < (tonumber(f[2]) or 0)
    if not other and free then
      for _, word in ipairs({ 'booked', worker, 'booked_until', text(now + ms + BOOKING_MS) }) do table.insert(fields, word) end
    else
      ms, wake = -1, not other
    end
  end
  redis.call('HSET', key, unpack(fields))
  return { ms, wait[2], wake }
end

-- Wakes an idle worker for each lane in which jobs are left.
local function wake_for_the_rest(order, lanes)
  for _, line in ipairs(order.classes) do
    for _, lane in ipairs(lanes) do
      if redis.call('EXISTS', of_line(lane, line.class), of_aside(lane, line.class)) > 0 then
        redis.call('ZADD', of_lane('wake', lane), '0', 'marker')
      end
    end
  end
end
-- Fragment: refusals (403, 402) that do not say whether the account or this one request is refused. Needs keys.lua.
-- `doubt:<provider>` has `at` (when the first call in doubt was let go), `user` (SHA-1) and `job` (whose it was), `good` (when the
-- last call was let go that proves the account good), `bad` (when the account was last found unusable), and `witness_until`.

-- Two refusals further apart than this are no answer to each other.
local DOUBT_MS, DOUBT_TTL_MS, WITNESS_EVERY_MS = 60000, '600000', 10000

local function of_doubt(provider) return root .. ':doubt:' .. provider end

-- Whose refusal it was that a call let go at `at` met: 'account' | 'own'; nil where that is not known yet.
local function doubt_verdict(provider, at)
  local d = redis.call('HMGET', of_doubt(provider), 'good', 'bad')
  if (tonumber(d[2]) or 0) >= at then return 'account' end
  if (tonumber(d[1]) or 0) >= at then return 'own' end
end

-- Handles the refusal of a call of job `id` that began at `begun`. `denied` is the time at which an earlier call of the job was
-- refused, or nil. A job that is refused again although the account was good in between is refused for itself. Returns 'own',
-- 'account' (a job of another user was refused as well, and none was answered since), or 'doubt'.
local function raise_doubt(provider, now, begun, id, user, denied)
  local key, whose = of_doubt(provider), redis.sha1hex(user or '')
  local d = redis.call('HMGET', key, 'at', 'user', 'job', 'good', 'bad')
  local at, good, bad = tonumber(d[1]), tonumber(d[4]) or 0, tonumber(d[5]) or 0
  if good >= begun or denied and good >= denied and good > bad and good > now - DOUBT_MS then return 'own' end
  if at and now - at < DOUBT_MS then
    if d[2] ~= whose and d[3] ~= id then return 'account' end
  else
    redis.call('HSET', key, 'at', text(begun), 'user', whose, 'job', id)
    redis.call('PEXPIRE', key, DOUBT_TTL_MS)
  end
  return 'doubt'
end

-- A call of job `id` (nil: the free look at the model) that was let go at `begun` was answered: the account is good.
local function answer_doubt(provider, id, begun)
  local key = of_doubt(provider)
  local d = redis.call('HMGET', key, 'at', 'job', 'good', 'bad')
  local at, bad = tonumber(d[1]), tonumber(d[4])
  -- The first call that is answered after the account was found unusable proves it good as well.
  local recovered = not at and bad and bad >= (tonumber(d[3]) or 0) and begun > bad
  if not recovered and (not at or begun < at or id and d[2] == id) then return false end
  redis.call('HDEL', key, 'at', 'user', 'job')
  redis.call('HSET', key, 'good', text(begun))
  redis.call('PEXPIRE', key, DOUBT_TTL_MS)
  return true
end

-- The account can't be used: no refusal up to now was a job's own.
local function condemn(provider, now)
  local key = of_doubt(provider)
  redis.call('HDEL', key, 'at', 'user', 'job')
  redis.call('HSET', key, 'bad', text(now))
  redis.call('PEXPIRE', key, DOUBT_TTL_MS)
end

-- Whether the caller is to look at the model, which is free: one at a time, and not often.
local function claim_witness(provider, now)
  local key = of_doubt(provider)
  if now < (tonumber(redis.call('HGET', key, 'witness_until')) or 0) then return false end
  redis.call('HSET', key, 'witness_until', text(now + WITNESS_EVERY_MS))
  return true
end

-- Whether no other job of the lane could show how the account is: none waits that was not refused, and none runs.
local function is_alone(lane)
  local waiting = of_lane('waiting', lane)
  return redis.call('ZCARD', of_queue('leases')) <= 1
    and redis.call('EXISTS', waiting .. ':interactive', waiting .. ':normal', waiting .. ':bulk') == 0
end
-- Fragment of take: a refusal that turned out to be the job's own counts as a failed attempt. Needs bury.lua, slot.lua and
-- doubt.lua.

-- The attempts of the job, with the refused one where it counts.
local function charge_doubt(id, group, doubted, attempts, now)
  local key, verdict = of_job('job', id), doubt_verdict(provider_of(group), whole_number(doubted) or 0)
  if not verdict then return attempts end
  redis.call('HDEL', key, 'doubted')
  if verdict == 'account' then return attempts end
  local told = redis.call('HMGET', key, 'code', 'message')
  record_attempt(id, now, { attempt = text(attempts + 1), worker = '', code = told[1] or '', message = told[2] or '' })
  redis.call('HSET', key, 'attempts', text(attempts + 1))
  return attempts + 1
end

-- Its last attempt was refused.
local function bury_refused(id, lane, class, now, dead_ttl)
  local told = redis.call('HMGET', of_job('job', id), 'code', 'message')
  bury(id, lane, class, now, dead_ttl, told[1] or '', told[2] or '')
end

-- In a function: a script has 200 locals at most, and so has each of its functions.
local function take_jobs()
  local most = want + 16
  -- Workers count attempts in 32 bits.
  local ATTEMPTS_MAX = 2 ^ 31
  write_though_full()
  heed_outage(now, lease_ms, group)
  promote(now, most, dead_ttl)
  local lost = reclaim(now, most, dead_ttl, tonumber(ARGV[14]))
  end_overdue(now, most, dead_ttl)
  release_rest(now)
  -- Jobs themselves are gone by their own time to live.
  local results_left = forget_results(now)
  local done_left = forget(of_queue('done'), now - tonumber(completed_ttl))
  local dead_left = forget(of_queue('dead'), now - tonumber(dead_ttl))

  local lanes = {}
  for i = 16, #ARGV do lanes[#lanes + 1] = ARGV[i] end
  local order = lines(lanes, want)
  local some_wait = order.classes[1] or order.suspects[1]
  local jobs, taken, leased, slots, gone, bytes, count, wait = { 'jobs', 0, lost, text(now) }, {}, {}, {}, {}, 0, 0, nil
  local started, lease_end = text(now), text(now + lease_ms)
  local gate = some_wait and group ~= '' and open_gate(group, now)
  if some_wait then wait = paused(group, gate) end

  local finished, holding, lived = ARGV[12] == '1', tonumber(ARGV[11]), tonumber(ARGV[13])
  local proven = finished or lived >= lease_ms
  if not wait and some_wait and not finished and now < order.lost + LOSS_LEASES * lease_ms then
    want = math.min(want, 1 - holding)
    if want <= 0 then wait = { UNPROVEN_MS, 'unproven' } end
  end
  local careful = gate and is_careful(gate)
  if careful then leave_aside(order) end
  -- While one call has to show how the upstream is, it is not that of a suspect where another one waits.
  local suspects = proven and order.suspects[1] and not (careful and order.untried) and open_suspects(worker, order)

  while not wait and count < want and bytes < BYTES_MAX do
    local head, line, start = suspects and next_suspect(suspects), nil, nil
    local suspect = head
    if not head then line, head, start = whose_turn(order) end
    if not head then break end
    local id, lane, key = head.id, head.lane, of_job('job', head.id)
    local job = redis.pcall('HMGET', key, 'fence', 'state', 'attempts', 'max', 'resumed', 'payload', 'doubted')
    local fence, attempts, max = whole_number(job[1]), whole_number(job[3]), whole_number(job[4])
    local whole = job[2] == 'waiting' and fence and attempts and max and attempts < ATTEMPTS_MAX and max < ATTEMPTS_MAX
    local charged = whole and job[7] and group ~= '' and charge_doubt(id, group, job[7], attempts, now)
    if charged then attempts = charged end
    local spent = charged and charged >= max
    local member, cost
    if whole and gate and not spent then
      member = id .. ':' .. text(fence + 1) .. ':1'
      local known = redis.call('HMGET', key, 'need', 'tokens')
      cost = scaled(gate.l, whole_number(known[1]) or math.min(whole_number(known[2]) or 0, chunk_tokens) + call_tokens)
      wait = slot_refusal(gate) or refusal(gate, member, cost)
      if wait then break end
      let_go(gate, member, cost)
    end
    if suspect then hold_suspect(suspects, worker, head, text((fence or 0) + 1)) else pass(order, line, start) end
    count = count + 1
    local leaving = gone[head.key] or { head.key }
    gone[head.key], leaving[#leaving + 1] = leaving, id
    if spent then
      bury_refused(id, lane, line and line.class, now, dead_ttl)
    elseif whole then
      attempts, fence = text(attempts + 1), text(fence + 1)
      redis.call('HSET', key, 'fence', fence, 'state', 'active', 'attempts', attempts, 'worker', worker, 'started', started)
      if gate then
        redis.call('HSET', key, 'group', group, 'permit', member)
        slots[#slots + 1] = lease_end
        slots[#slots + 1] = id
      end
      redis.call('PUBLISH', of_job('events', id), 'active')
      bytes = bytes + #(job[6] or '')
      leased[#leased + 1] = lease_end
      leased[#leased + 1] = id
      jobs[#jobs + 1] = { id, lane, fence, attempts, job[4], job[5] and '1' or '0', job[6] or '' }
      taken[#taken + 1] = ' ' .. id .. '=' .. fence
    elseif job[2] == 'waiting' or is_broken(job, job[2]) then
      bury_broken(id, job, lane, line and line.class, now, dead_ttl)
    end
  end
  for _, ids in pairs(gone) do redis.call('ZREM', unpack(ids)) end
  keep_order(order)
  if gate then close_gate(gate) end
  if leased[1] then redis.call('ZADD', of_queue('leases'), unpack(leased)) end
  if slots[1] then redis.call('ZADD', of_group('inflight', group), unpack(slots)) end

  -- Where a job that may run is left in line, another idle worker is woken for it; where none may run now, one worker waits
  -- for the time, and the others until they are woken.
  local unproven = wait and wait[2] == 'unproven'
  if wait and not unproven then wait = book(group, worker, wait, now, count < want) end
  if not wait or wait[3] or unproven then wake_for_the_rest(order, lanes) end
  -- Not where this worker waits at the marker: it would wake itself.
  local left = not wait and suspects_left(suspects, order, proven, lease_ms - lived)
  if leased[1] then
    jobs[2] = wait and wait[1] or 0
    redis.call('SET', last_take, request .. table.concat(taken), 'PX', ARGV[5])
    return jobs
  end
  if wait then return { 'wait', wait[1], wait[2], lost, text(now) } end
  if left then return { 'wait', left, 'unproven', lost, text(now) } end
  return { 'wait', (results_left or done_left or dead_left) and 0 or next_due(now) or -1, 'empty', lost, text(now) }
end

return take_jobs()
