-- Accepts jobs: each of them whole, or not at all. Work that was asked for before is not accepted once more: the answer names the
-- job that is there. Work that someone else is having done is followed, and work that was done lately is answered at once.
-- Whether the user and the address may ask is part of the same step: a request that counts has its answer.
-- Several requests come in one call. Each meets what those before it have done, as if it had come alone; what all of them read or
-- add to is read and written once.
-- KEYS  1 root
-- ARGV  1 queue  2 deadline_ms (from now)  3 max_attempts  4 most jobs that may be unfinished  5 most bytes of their payloads
--       6 completed_ttl_ms  7 idempotency_ttl_ms  8 to 11 limits of the budget
--       12… the limits of requests, as windows.lua reads them
--       then for each request: 1 id  2 kind  3 lane  4 user  5 payload  6 delay_ms  7 class  8 tokens of what is sent upstream,
--       estimated  9 digest of the work ('': it is never shared)  10 '1': it must be done anew  11 digest of the idempotency key
--       and its user ('': none)  12 digest of the request  13 '1': its user's list shows it, and it counts as the user's
--       14, 15 tokens and micro-dollars that it may come to ('0': only the kill switch stops it; '': nothing does)
--       16 recording ('': none)  17 how many limits of requests it counts against, and these: number and whose, of each
-- Returns {'enqueued', answers}; each of these is a text of two lines, since many short ones would take longer to write and read.
--         The first has, with spaces between them: a word, jobs that wait before it (where it is listed), now, which limit of
--         requests refuses it (from 1; 0: none), then for each of those limits how many requests are left and when there may be
--         one more. The second goes with the word:
--         accepted | joined: leader | cached: whose result | known: id (the job that is there)
--       | limited | suspended | mismatch (the idempotency key was used for something else) | full: unfinished
--       | killed: reason | over: limit, when it begins anew in ms | error: what Redis said of this request alone
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
-- Fragment of enqueue: a number that several jobs of one call write is formatted once. Needs keys.lua.
local texts, format = {}, text
local function text(number)
  local known = texts[number]
  if not known then
    known = format(number)
    texts[number] = known
  end
  return known
end
-- Fragment of enqueue: what the jobs of one call add to the same sorted sets is written with one command each, at the end of the
-- call. Needs keys.lua.
local gathered, commands = {}, {}

-- Adds two words to a command.
local function add(command, one, other)
  local n = #command
  command[n + 1], command[n + 2] = one, other
end

local function gather(key, score, member)
  local command = gathered[key]
  if not command then
    command = { 'ZADD', key }
    gathered[key] = command
    commands[#commands + 1] = command
  end
  add(command, score, member)
end

-- Writes to the sets, in the order in which something was gathered for them.
local function write_gathered()
  local all = commands
  gathered, commands = {}, {}
  for _, command in ipairs(all) do redis.call(unpack(command)) end
end
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
-- Fragment of enqueue: the places of several jobs in their class, as rank.lua gives one; shares are read and written once a call.
-- Needs keys.lua and gather.lua.
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

-- The users of all jobs of the call, and by class what is known of their shares and of newcomers.
local asking, known_classes = {}, {}

local function known_class(class)
  local known = known_classes[class]
  if known then return known end
  known = { shares = {}, newcomers = of_lane('newcomers', class), young = {} }
  local scores = redis.call('ZMSCORE', of_lane('shares', class), '', unpack(asking))
  for n, asks in ipairs(asking) do known.shares[asks] = tonumber(scores[n + 1]) end
  known.present = tonumber(scores[1]) or 0
  known_classes[class] = known
  return known
end

-- The rank of a user's new job.
local function next_rank(class, user, lane)
  local known = known_class(class)
  local rank = known.shares[user]
  if rank and rank > known.present then
    known.moved = true
  else
    -- What stands in line counts, also from this call.
    if known.moved then
      write_gathered()
      known.moved = false
    end
    known.last = known.last or tonumber(redis.call('ZREVRANGE', known.newcomers, 0, 0, 'WITHSCORES')[2]) or 0
    rank = newcomer_rank(lane, class, known.present, known.last, function(ranks)
      local scores = redis.call('ZMSCORE', known.newcomers, unpack(ranks))
      for n, of_other in ipairs(ranks) do scores[n] = scores[n] or known.young[of_other] or false end
      return scores
    end)
    known.last, known.young[text(rank)] = math.max(known.last, rank), true
    gather(known.newcomers, text(rank), text(rank))
  end
  known.shares[user] = rank + ROUND
  gather(of_lane('shares', class), text(rank + ROUND), user)
  return text(rank)
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
-- Fragment of enqueue: someone more urgent wants a job that is there. Needs line.lua, rank.lua and share.lua.

-- Lets the job stand in the class of the one who wants it, where that is a more urgent one; one that follows takes the job
-- that does its work along.
local function hurry(id, class, user)
  local key = of_job('job', id)
  local job = redis.pcall('HMGET', key, 'class', 'state', 'lane', 'rank', 'follows', 'content')
  if not RUNNING[job[2]] or (URGENCY[class] or 0) <= (URGENCY[job[1]] or 0) then return end
  if job[5] then
    redis.call('HSET', key, 'class', class)
    local leader = job[6] and mend('GET', of_leader(job[6]))
    return leader and leader ~= id and hurry(leader, class, user)
  end
  if not place(job[3], job[1], job[4]) then return end
  local rank = next_rank(class, user, job[3])
  redis.call('HSET', key, 'class', class, 'rank', rank)
  if job[2] == 'waiting' and leave_line(id, job[3], job[1]) then put_in_line(id, job[3], class, rank) end
end
-- Fragment: what of the budget is limited. Needs keys.lua.
-- `budget` has the kill switch and the limits that an operator has set, which win over the configured ones. 0 is no limit.

-- The limits in force, in the order in which they are passed. While the kill switch is thrown: nil and {'killed', reason}.
local function budget_limits(configured)
  local set = redis.call('HMGET', root .. ':budget', 'kill', 'reason', 'user_tokens_per_day', 'user_micros_per_day',
    'fleet_tokens_per_month', 'fleet_micros_per_month')
  if set[1] then return nil, { 'killed', set[2] or '' } end
  local limits = {}
  for i = 1, 4 do limits[i] = tonumber(set[i + 2]) or tonumber(configured[i]) or 0 end
  return limits
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
-- Fragment: what accepted jobs may come to is held, where the budget allows it. Needs budget.lua.

-- For the jobs that one script accepts. What the fleet has spent and holds is read with the first of them, and `keep` writes it
-- after the last one.
local function holding(now)
  local b = budget()
  local day, fleet = b.day_of(now), nil

  local function number(counted) return tonumber(counted) or 0 end

  -- Which of `limits`, in the order in which they are passed, so many tokens and micro-dollars more would pass.
  local function limit_passed(limits, tokens, micros, of_user, of_fleet)
    for i = 1, 4 do
      if limits[i] > 0 then
        local counted, unit = i < 3 and of_user or of_fleet, i % 2 == 1 and 1 or 2
        local wanted = unit == 1 and tokens or micros
        if number(counted[unit]) + number(counted[unit + 2]) + wanted > limits[i] then return i end
      end
    end
  end

  -- nil and what a hold goes by, where `limits` let a job be accepted which may come to so many tokens and micro-dollars; else
  -- {'over', which limit, when it begins anew}.
  local function refusal(user, tokens, micros, limits)
    tokens, micros = number(tokens), number(micros)
    fleet = fleet or { counted = b.counted(b.of_fleet(day)) }
    local key = b.of_user(day, user)
    local counted = b.counted(key)
    local passed = limit_passed(limits, tokens, micros, counted, fleet.counted)
    if passed then
      local day_ends, month_ends = b.ends(now)
      -- `Limit` in budget/limits.rs names the same.
      local names = { 'user_tokens', 'user_money', 'fleet_tokens', 'fleet_money' }
      return { 'over', names[passed], passed < 3 and day_ends or month_ends }
    end
    return nil, { key = key, counted = counted, tokens = tokens, micros = micros }
  end

  -- Adds to what is held. It begins with a hold; later ones are of the same day or month, and calls let it live longer.
  local function add(counted, tokens, micros)
    local begins = not counted[3]
    counted[3], counted[4] = number(counted[3]) + tokens, number(counted[4]) + micros
    return begins
  end

  local function write(key, counted, begins, ttl)
    redis.call('HSET', key, 'held_tokens', text(counted[3]), 'held_micros', text(counted[4]))
    if begins then redis.call('PEXPIRE', key, ttl) end
  end

  -- Holds what an accepted job may come to, by what `refusal` has just seen. Returns in what: the job keeps it, for the release.
  local function hold(standing)
    local begins = add(standing.counted, standing.tokens, standing.micros)
    write(standing.key, standing.counted, begins, b.user_ttl_ms)
    fleet.begins, fleet.held = add(fleet.counted, standing.tokens, standing.micros) or fleet.begins, true
    return day
  end

  -- Writes what the fleet holds.
  local function keep()
    if fleet and fleet.held then write(b.of_fleet(day), fleet.counted, fleet.begins, b.fleet_ttl_ms) end
    fleet = nil
  end

  return { refusal = refusal, hold = hold, keep = keep }
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
-- Fragment of enqueue: what users ask for is counted. Needs track.lua.
-- For the requests of one call. What is counted for the day, and that users are there, is written by `keep` after the last of them.
local function requests(now)
  local MINUTE_MS = 60000
  -- Users beyond this many push out those that were seen longest ago.
  local USERS_MAX = 100000
  local track, counts, seen, unique = tracking(), {}, {}, {}

  -- Notes that the user is there: once within a minute, and once a day for the estimate of that day.
  local function meet(user, key, last)
    redis.call('PEXPIRE', key, track.user_ttl_ms)
    seen[#seen + 1] = text(now)
    seen[#seen + 1] = user
    if not last or math.floor(last / track.day_ms) ~= math.floor(now / track.day_ms) then unique[#unique + 1] = user end
  end

  -- A request of the user was `accepted`, `refused` or `limited`: by the queue, or by a limit of requests. Returns how many were
  -- so far.
  local function count(user, what)
    local key = track.user(user)
    local known = mend('HMGET', key, 'last', what)
    local last, number = whole_number(known[1]), (whole_number(known[2]) or 0) + 1
    if last then
      redis.call('HSET', key, 'last', text(now), what, text(number))
    else
      redis.call('HSET', key, 'first', text(now), 'last', text(now), what, text(number))
    end
    counts[what] = (counts[what] or 0) + 1
    if not last or math.floor(last / MINUTE_MS) ~= math.floor(now / MINUTE_MS) then meet(user, key, last) end
    return number
  end

  -- The request was refused, with the word for it. A Redis that is full counts nothing.
  local function refused(user, word)
    pcall(function()
      count(user, word == 'limited' and 'limited' or 'refused')
      if word ~= 'limited' then redis.call('HSET', track.user(user), 'refusal', word, 'refused_at', text(now)) end
    end)
  end

  -- Lets the index of users know those that were seen, and forgets those of long ago.
  local function index()
    local users = root .. ':users'
    local new = mend('ZADD', users, unpack(seen))
    if new == 0 then return end
    redis.call('ZREMRANGEBYSCORE', users, '-inf', text(now - tonumber(track.user_ttl_ms)))
    local more = redis.call('ZCARD', users) - USERS_MAX
    -- Where there are far too many, each new one pushes out ten.
    local oldest = more > 0 and redis.call('ZPOPMIN', users, math.min(more, 10 * new)) or {}
    for i = 1, #oldest, 2 do redis.call('UNLINK', track.user(oldest[i])) end
  end

  local function keep()
    for what, number in pairs(counts) do track.of_all(now, what, text(number)) end
    if seen[1] then index() end
    local today = track.day('unique', now)
    if unique[1] and mend('PFADD', today, unpack(unique)) == 1 then redis.call('PEXPIRE', today, track.day_ttl_ms) end
  end

  return { count = count, refused = refused, ended = track.ended, keep = keep }
end
-- Fragment: requests in exact sliding windows. A subject has a list of the times of the requests that count for a limit, oldest
-- first: those of the window that ends now. Needs keys.lua.

-- Times that lie ahead of the clock are from before it was set back: they count from now.
local BACK_MS = 2000
local function bring_back(key, now)
  local length = redis.call('LLEN', key)
  for n = 0, length - 1 do
    if tonumber(redis.call('LINDEX', key, text(n))) <= now then break end
    redis.call('LSET', key, text(n), text(now))
  end
end

-- Forgets what is older than the window. Returns the oldest time that still counts, whether the list must live longer, and how
-- many times were forgotten. A list lives for two windows, and before the first of them is over, its oldest time has left and
-- this is asked again.
local function trim_window(key, window, now)
  local oldest = mend('LINDEX', key, '0')
  if not oldest then return nil, true, 0 end
  if oldest - now > BACK_MS then
    bring_back(key, now)
    return text(now), true, 0
  end
  if now - oldest < window then return oldest, false, 0 end
  -- Of the times in the list, those before `low` are known to be too old, and the one at `high` is young enough or none.
  local low, high = 1, redis.call('LLEN', key)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if now - redis.call('LINDEX', key, text(middle)) < window then high = middle else low = middle + 1 end
  end
  redis.call('LTRIM', key, text(low), '-1')
  return redis.call('LINDEX', key, '0'), true, low
end

-- What is limited: the text before a subject in the key of its list, most requests, and the window in ms. By its number in ARGV.
local kinds = {}

-- Reads them from ARGV: how many there are at `at`, then name, most requests and window in ms of each. Returns where that ends.
local function read_kinds(at, now)
  local last = at + 3 * tonumber(ARGV[at])
  for i = at + 1, last, 3 do
    local window = tonumber(ARGV[i + 2])
    kinds[text((i - at + 2) / 3)] = { prefix = root .. ':asked_at:' .. ARGV[i] .. ':', most = tonumber(ARGV[i + 1]),
      window = window, ttl = text(2 * window), resets = text(now + window) }
  end
  return last
end

-- What is known of the lists that this call has counted in: how long each is, when there may be one more request than are left,
-- and how many of its times are not written yet. Requests of one call that count for the same list ask Redis once.
local lists = {}

-- Counts one more request of a subject, or looks at its list.
local function open_list(kind, subject, counts, now)
  local key = kind.prefix .. subject
  local list = lists[key]
  if list then
    if counts then list.length, list.more = list.length + 1, list.more + 1 end
    return list
  end
  local length = counts and mend('RPUSH', key, text(now))
  local oldest, renew, forgotten = nil, true, 0
  -- A list of one request is that of this one.
  if length ~= 1 then oldest, renew, forgotten = trim_window(key, kind.window, now) end
  list = { kind = kind, key = key, length = length and length - forgotten or redis.call('LLEN', key), more = 0,
    resets = oldest and text(oldest + kind.window) or kind.resets }
  if counts and renew then redis.call('PEXPIRE', key, kind.ttl) end
  lists[key] = list
  return list
end

-- Takes the last request out of a list again.
local function take_back(list)
  if list.more > 0 then list.more = list.more - 1 else redis.call('RPOP', list.key) end
  list.length = list.length - 1
end

-- Writes what the requests of the call have added.
local function keep_counts(now)
  for key, list in pairs(lists) do
    if list.more > 0 then
      local times = {}
      for n = 1, list.more do times[n] = text(now) end
      redis.call('RPUSH', key, unpack(times))
      redis.call('PEXPIRE', key, list.kind.ttl)
    end
  end
end

-- The lists of the request at hand.
local opened = {}

-- Counts a request against the limits in ARGV from `first` to `last` (number of its kind, whose it is): against all of them, or
-- none, which is what happens without `counts`. Returns which one refuses it (from 1; nil: none does), and says with spaces between:
-- that one (0: none), and for each how many requests are left and when there may be one more. `keep_counts` comes after the last
-- request of the call.
local function count_against_limits(counts, first, last, now)
  local over, count = nil, 0
  for i = first, last, 2 do
    local list = open_list(kinds[ARGV[i]], ARGV[i + 1], counts, now)
    count = count + 1
    opened[count] = list
    if counts and not over and list.length > list.kind.most then over = count end
  end
  local said = text(over or 0)
  for n = 1, count do
    local list = opened[n]
    if over then take_back(list) end
    said = said .. ' ' .. text(math.max(list.kind.most - list.length, 0)) .. ' ' .. list.resets
  end
  return over, said
end
-- Fragment of enqueue: its arguments, and what all requests of a call read. enqueue.lua describes them.
local LIMITS_OF_REQUESTS, OF_REQUEST = 12, 17
local deadline_ms, max_attempts, completed_ttl = tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[6])
local most_jobs, most_bytes = tonumber(ARGV[4]), tonumber(ARGV[5])
local now, deadlines = now_ms(), of_queue('deadlines')
local unfinished = redis.call('ZCARD', deadlines)

local function of_asked(digest) return root .. ':idempotency:' .. digest end

-- The requests; and what is stored under the keys that they read first.
local asked_for, stored = {}, {}

local function read_request(at)
  local id, kind, lane, user, payload, delay, class, tokens, digest, fresh, asked, request, listed, held_tokens, held_micros,
    recording, limits = unpack(ARGV, at + 1, at + OF_REQUEST)
  local first = at + OF_REQUEST + 1
  return { id = id, kind = kind, lane = lane, user = user, payload = payload, delay = tonumber(delay), class = class,
    tokens = tokens, digest = digest ~= '' and digest, fresh = fresh == '1', asked = asked ~= '' and asked, request = request,
    listed = listed == '1', held_tokens = held_tokens, held_micros = held_micros, recording = recording, limits_from = first,
    limits_to = first + 2 * tonumber(limits) - 1 }
end

local function read_requests()
  local at, keys = read_kinds(LIMITS_OF_REQUESTS, now), {}
  while at < #ARGV do
    local r = read_request(at)
    if r.asked then keys[#keys + 1] = of_asked(r.asked) end
    if r.digest and not r.fresh then
      local n = #keys
      r.mine, r.leader, r.answer = of_repeat(r.digest, r.user), of_leader(r.digest), of_answer(r.digest)
      keys[n + 1], keys[n + 2], keys[n + 3] = r.mine, r.leader, r.answer
    end
    asked_for[#asked_for + 1] = r
    asking[#asking + 1] = r.user
    at = r.limits_to
  end
  local found = keys[1] and redis.call('MGET', unpack(keys)) or {}
  for n, key in ipairs(keys) do stored[key] = found[n] end
  local suspended = redis.call('HMGET', root .. ':suspended', unpack(asking))
  for n, r in ipairs(asked_for) do r.suspended = suspended[n] end
end
read_requests()

-- Keeps a text for `ttl` ms; those who come later in the call read it, too.
local function store(key, value, ttl)
  redis.call('SET', key, value, 'PX', ttl)
  stored[key] = value
end

-- Opened by the first request that needs them: defining them costs more than most scripts do.
local books, counter
local function the_books()
  books = books or holding(now)
  return books
end
local function the_counter()
  counter = counter or requests(now)
  return counter
end

local limits, killed
local function the_limits()
  if not (limits or killed) then limits, killed = budget_limits({ ARGV[8], ARGV[9], ARGV[10], ARGV[11] }) end
  return limits, killed
end

-- A small payload takes less room than the job beside it, which `unfinished` bounds.
local SMALL_BYTES = 256
local bytes_before, bytes_taken = nil, 0

-- Takes room for the bytes of a payload; whether there was so much. Where no job is unfinished, nothing takes room.
local function take_room(size)
  bytes_before = bytes_before or unfinished > 0 and whole_number(redis.call('HGET', root .. ':bytes', queue)) or 0
  if unfinished > 0 and bytes_before + bytes_taken + size > most_bytes then return false end
  bytes_taken = bytes_taken + size
  return true
end

-- What of an error is no matter of one request: Redis takes no writes.
local function said_of_all(message)
  for _, code in ipairs({ 'OOM ', 'READONLY ', 'MISCONF ', 'NOREPLICAS ' }) do
    local at = string.find(message, code, 1, true)
    if at then return string.sub(message, at) end
  end
end
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

-- How many jobs are at work: they don't wait.
local active

-- The job that was accepted under the idempotency key; and whether that was for another request.
local function known_by_key(r)
  local before = r.asked and stored[of_asked(r.asked)]
  if not before then return end
  local job, request = string.match(before, '^(%S+) (%S+)$')
  return state_of(job) and job, request and request ~= r.request
end

local function reply(r, word, about)
  return word .. ' ' .. text(r.ahead) .. ' ' .. text(now) .. ' ' .. r.standings .. '\n' .. (about or '')
end

-- The answer about `job`, whom a repeat under the same idempotency key gets, too.
local function answer(r, job, word, about)
  if r.listed and word ~= 'known' then list(r.user, job, word) end
  if r.asked then remember(r, job) end
  return reply(r, word, about)
end

-- The answer that there is no job, and why.
local function refuse(r, word, about)
  if r.listed then the_counter().refused(r.user, word) end
  return reply(r, word, about)
end

local function accept(r)
  -- What was accepted under the idempotency key, or that something else was, and that the user may not ask: none of that costs a
  -- request.
  local known, mismatch = known_by_key(r)
  local suspended = not known and r.suspended
  local over
  over, r.standings = count_against_limits(not (known or mismatch or suspended), r.limits_from, r.limits_to, now)
  if r.listed then active = active or redis.call('ZCARD', of_queue('leases')) end
  r.ahead = r.listed and unfinished - active or 0
  if mismatch then return reply(r, 'mismatch') end
  if known then return reply(r, 'known', known) end
  if suspended then return refuse(r, 'suspended') end
  if over then return refuse(r, 'limited') end

  local mine, result_of, leader, gone
  if r.digest and not r.fresh then
    mine, result_of, leader, gone = find_work(r)
    if mine then
      hasten(mine, r)
      return answer(r, mine, 'known', mine)
    end
    if result_of then
      write_ended(r, result_of)
      return answer(r, r.id, 'cached', result_of)
    end
  end

  if unfinished >= most_jobs then return refuse(r, 'full', text(unfinished)) end
  -- Only who has the work done pays for it. It is held to that where nothing is limited, too: an operator may set a limit at any
  -- time.
  local standing
  if r.held_tokens ~= '' and not leader then
    local limits, refused = the_limits()
    if limits and r.held_tokens ~= '0' then
      refused, standing = the_books().refusal(r.user, r.held_tokens, r.held_micros, limits)
    end
    if refused then return refuse(r, refused[1], table.concat(refused, ' ', 2)) end
  end
  local size = #r.payload + #r.recording
  local bytes = size > SMALL_BYTES and text(size)
  if bytes and not take_room(size) then return refuse(r, 'full', text(unfinished)) end

  write_job(r, leader, standing, bytes)
  if leader then
    follow(r, leader)
    return answer(r, r.id, 'joined', leader)
  end
  if r.digest and not r.fresh then lead(r, gone) end
  stand_in_line(r)
  return answer(r, r.id, 'accepted')
end

-- Writes what the requests have added together.
local function finish()
  write_gathered()
  for lane in pairs(lanes_to_wake) do redis.call('ZADD', of_lane('wake', lane), '0', 'marker') end
  if bytes_taken > 0 then redis.call('HSET', root .. ':bytes', queue, text(bytes_before + bytes_taken)) end
  keep_counts(now)
  if books then books.keep() end
  if counter then counter.keep() end
end

local replies = {}
for _, r in ipairs(asked_for) do
  local answered, reply = pcall(accept, r)
  local said = not answered and tostring(type(reply) == 'table' and reply.err or reply)
  -- What Redis says of every write is said of the call, and what it says of a damaged key to the one who met it.
  if said and said_of_all(said) then
    pcall(finish)
    return redis.error_reply(said_of_all(said))
  end
  replies[#replies + 1] = said and 'error\n' .. said or reply
end
finish()
return { 'enqueued', replies }
