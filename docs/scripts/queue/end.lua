-- Takes up how a call ended: what it used, what the upstream says about its limit, how the upstream is, and whose fault it was.
-- KEYS  1 root
-- ARGV  1 queue  2 id  3 fence  4 number of the call in this attempt  5 group  6 ending: ok | rejected | limited (429) | own
--       (refused for itself, in words) | doubted (403, 402: the account or the request) | pause (for retry_after_ms) | failed |
--       blocked | unreached (failed before it was let go) | unsent  7 reason (limited: `plain` where it says that it is the
--       limit)  8 used tokens (-1: unknown)  9 `used` where the reservation is cut to real use  10 limit of requests (-1: unknown,
--       as the next ones)  11 requests left of it  12 limit of tokens  13, 14 own permits in the window and ever granted when
--       the call was let go  15 retry_after_ms  16 failures  17 failures_ms  18 ratio of failures  19 open_ms  20 open_max_ms
--       21 successes  22 slow_ms  23 probe_ms  24 what it cost, in micro-dollars  25 how long it took, in microseconds (-1: it
--       was not let go)  26 tokens of the call as they were estimated  27 tokens that it is assumed to have used: it timed out
--       after it was sent (-1: it did not)  28 digest of the worker's settings
-- Returns {'ended', event, number}: `opened` or `closed` where the breaker changed, `paused` where the upstream asked for it; or what
--         the job has to know: blamed (it waits by itself; number: refusals since then), failed (refused too often), own (refused
--         for itself), doubt and witness (not known yet; number: how often; witness: the caller looks at the model); else ''
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
-- Fragment of end: what the upstream teaches about its limit. Needs window.lua.

-- A refusal that does not say how long doubles the pause, from the first of these to the last.
local PAUSE_MS, PAUSE_MAX_MS = 1000, 30000
-- Windows until a learned limit is widened; twice as many each time that it was found again.
local HOLD_WINDOWS, HOLD_WINDOWS_MAX = 4, 64

-- Takes up the rate headers of an answer: the limits, and what was left of the requests. What is left counts as of the
-- call's arrival, so own calls since are not mistaken for those of others.
local function heed_headers(l, limit, remaining, token_limit, seen, granted)
  if limit and limit ~= l.announced_rpm then redis.call('HSET', l.key, 'announced_rpm', text(limit)) end
  if token_limit and token_limit ~= l.announced_tpm then redis.call('HSET', l.key, 'announced_tpm', text(token_limit)) end
  if l.tpm then
    if token_limit and token_limit < l.tpm then
      redis.call('HSET', l.key, 'header_tpm', text(token_limit))
    elseif token_limit and l.header_tpm then
      redis.call('HDEL', l.key, 'header_tpm')
    end
  end
  if not l.rpm or not limit then return end
  local others = remaining and math.max(limit - remaining - seen - (l.granted - granted), 0) or 0
  local room = math.max(limit - others, 1)
  if room < l.configured_rpm then
    redis.call('HSET', l.key, 'room', text(room), 'room_until', text(l.now + l.window))
  elseif l.room then
    redis.call('HDEL', l.key, 'room', 'room_until')
  end
end

-- Learns a limit from a refusal: as many as the upstream has accepted within the window, though not less than half of what
-- was known before. Calls under way count as accepted until they are refused as well. An upstream that accepts next to
-- nothing has another reason than a limit, and teaches none.
local function learn_limit(l, fresh)
  local f = redis.call('HMGET', l.key, 'hold', 'base', 'prior')
  local hold, base, prior = tonumber(f[1]) or HOLD_WINDOWS, tonumber(f[2]), f[3]
  if fresh then
    base, prior = l.learned or l.configured_rpm, l.learned and text(l.learned) or ''
    if l.learned then hold = math.min(hold * 2, HOLD_WINDOWS_MAX) end
    redis.call('HSET', l.key, 'hold', hold, 'base', text(base), 'prior', prior)
  end
  if not base then return end
  local refused = of_group('refused', l.group)
  redis.call('ZREMRANGEBYSCORE', refused, '-inf', text(l.now - l.span))
  local accepted = l.count - redis.call('ZCARD', refused)
  local found = math.max(accepted, math.ceil(base / 2), 1)
  if accepted * 10 < base or found >= base then found = tonumber(prior) end
  if found then
    redis.call('HSET', l.key, 'learned_rpm', text(found), 'sure_rpm', text(found), 'reached', '0', 'step', '0',
      'hold_until', text(l.now + hold * l.window))
  else
    redis.call('HDEL', l.key, 'learned_rpm', 'sure_rpm', 'reached', 'hold_until', 'step')
  end
end

-- Takes up a refusal (429) of a call that was let go at `begun`. Refusals of calls from before the last one that counted
-- are the same pause, and tell nothing new but how many there are.
local function heed_refusal(l, member, begun, retry_after)
  local fresh = begun > (tonumber(redis.call('HGET', l.key, 'episode')) or 0)
  local pause = l.now + (retry_after or 0)
  if fresh then
    l.refusals = l.refusals + 1
    pause = math.max(pause, l.now + math.min(PAUSE_MS * 2 ^ (l.refusals - 1), PAUSE_MAX_MS))
    redis.call('HSET', l.key, 'episode', text(l.now), 'refusals', l.refusals)
  end
  redis.call('HSET', l.key, 'pause_until', text(math.max(pause, l.pause_until)))
  redis.call('HDEL', l.key, 'warm_until')
  if not l.configured_rpm then return end
  redis.call('ZADD', of_group('refused', l.group), text(begun), member)
  redis.call('PEXPIRE', of_group('refused', l.group), text(l.span))
  -- Only the first of a row of refusals says where the limit is: the others say that there is none to be had.
  if l.refusals == 1 then learn_limit(l, fresh) end
end

-- Takes up that the upstream has answered a call that was let go at `begun`; whether more may go than before.
local function heed_success(l, begun)
  redis.call('HSET', l.key, 'warm_until', text(l.now + l.window))
  local over = l.refusals > 0 and begun > (tonumber(redis.call('HGET', l.key, 'episode')) or 0)
  if over then redis.call('HSET', l.key, 'refusals', '0', 'pause_until', '0') end
  return over or l.cold
end
-- Fragment of end: whose fault a refusal (429) is. Needs window.lua and learn.lua.
-- A refusal pauses the fleet and teaches the limit, and proves nothing by itself: after a pause any other job succeeds, because
-- time has passed. A job that is refused again while calls of other jobs that were let go within a second of it are answered is
-- blamed: its refusals no longer pause, trip or teach, and what they taught is forgotten.
-- `answered:<group>` has jobs whose calls were answered while the group is watched, `accused:<group>` jobs that were refused
-- again, both by the time at which the call was let go.

-- For this long after a refusal, it is noted which calls are answered.
local WATCH_MS = 180000
-- Calls that are let go within this time of each other meet the same limit; where calls are rare, two gaps between them.
local NEAR_MS = 1000
-- A job that is refused this often after it was blamed has failed.
local BLAMED_MAX = 5
-- As many jobs are known at most.
local KNOWN_MAX = 1000
-- What a refusal changes of what is known of the limit.
local LESSON = { 'learned_rpm', 'sure_rpm', 'reached', 'hold', 'hold_until', 'step', 'base', 'prior' }
-- Lessons further apart than this many windows belong to different refusals.
local LESSON_WINDOWS = 10

local function near(l) return l.configured_rpm and math.max(NEAR_MS, math.floor(2 * l.window / l.configured_rpm)) or NEAR_MS end

local function note(l, name, id, begun)
  local key = of_group(name, l.group)
  redis.call('ZADD', key, text(begun), id)
  redis.call('ZREMRANGEBYRANK', key, 0, -KNOWN_MAX - 1)
  redis.call('PEXPIRE', key, text(WATCH_MS))
end

-- Jobs in `name` whose calls were let go near `begun`.
local function found_near(l, name, begun)
  local span = near(l)
  return redis.call('ZRANGEBYSCORE', of_group(name, l.group), text(begun - span), text(begun + span), 'LIMIT', 0, 16)
end

-- Before job `id` teaches: keeps what is known of the limit, should the job be blamed. `plain`: the refusal says itself that it is
-- about the limit.
local function keep_lesson(l, id, plain)
  local f = redis.call('HMGET', l.key, 'taught_by', 'taught_at', 'proven')
  local by, at = f[1] or '', tonumber(f[2]) or 0
  if plain then
    if by ~= '' then redis.call('HSET', l.key, 'proven', '1') end
  elseif by == '' or f[3] == '1' or l.now - at > LESSON_WINDOWS * l.window then
    local before = redis.call('HMGET', l.key, unpack(LESSON))
    for i = 1, #LESSON do before[i] = before[i] or '' end
    redis.call('HSET', l.key, 'before', table.concat(before, ','), 'taught_by', id, 'taught_at', text(l.now), 'proven', '0')
  else
    if not string.find(by, id, 1, true) then by = by .. ' ' .. id end
    redis.call('HSET', l.key, 'taught_by', string.sub(by, 1, 1000), 'taught_at', text(l.now))
  end
end

-- The job is no longer among those whose refusals taught; whether it was, and nobody is left. What somebody taught whose call was
-- answered later stands.
local function drop_teacher(l, id, stands)
  local f = redis.call('HMGET', l.key, 'taught_by', 'proven')
  local by, left = f[1] or '', {}
  if not string.find(by, id, 1, true) then return false end
  for other in string.gmatch(by, '%S+') do
    if other ~= id then left[#left + 1] = other end
  end
  redis.call('HSET', l.key, 'taught_by', table.concat(left, ' '))
  if stands then redis.call('HSET', l.key, 'proven', '1') end
  return not left[1] and f[2] ~= '1'
end

-- The limit is again what it was before the first refusal of those that turned out to be about one request, and nobody waits.
local function forget_lesson(l)
  local before, at = redis.call('HGET', l.key, 'before') or '', 0
  for value in string.gmatch(before .. ',', '([^,]*),') do
    at = at + 1
    if LESSON[at] and value ~= '' then
      redis.call('HSET', l.key, LESSON[at], value)
    elseif LESSON[at] then
      redis.call('HDEL', l.key, LESSON[at])
    end
  end
  redis.call('HSET', l.key, 'refusals', '0', 'pause_until', '0')
  redis.call('HDEL', l.key, 'before', 'taught_by', 'next_at')
  l.refusals, l.pause_until = 0, 0
end

local function blame(l, id)
  redis.call('ZREM', of_group('accused', l.group), id)
  if redis.call('EXISTS', of_job('job', id)) == 1 then redis.call('HSET', of_job('job', id), 'blamed', '1') end
  if drop_teacher(l, id) then forget_lesson(l) end
end

-- The trial after a pause has shown nothing about the limit: another call may go.
local function release_trial(l, member)
  if l.trial == member then redis.call('HSET', l.key, 'pause_until', '0') end
end

-- Takes up a refusal of job `id`; `refused` and `blamed` are its refusals so far. Returns what it is, and the number of refusals
-- since the job was blamed: 'limit' | 'blamed' | 'failed' (it has been refused too often).
local function judge_refusal(l, id, begun, refused, blamed, plain)
  redis.call('HSET', l.key, 'watch_until', text(l.now + WATCH_MS))
  if plain or redis.call('EXISTS', of_job('job', id)) == 0 then return 'limit', 0 end
  local key = of_job('job', id)
  if blamed == 0 then
    redis.call('HSET', key, 'refused', text(refused + 1))
    if refused == 0 then return 'limit', 0 end
    local others = 0
    for _, other in ipairs(found_near(l, 'answered', begun)) do
      if other ~= id then others = others + 1 end
    end
    if others == 0 then
      note(l, 'accused', id, begun)
      return 'limit', 0
    end
    blame(l, id)
    return 'blamed', 1
  end
  -- While all are refused, the refusal is not the job's own.
  if l.refusals > 0 then return 'blamed', blamed end
  redis.call('HSET', key, 'blamed', text(blamed + 1))
  return blamed + 1 >= BLAMED_MAX and 'failed' or 'blamed', blamed + 1
end

-- Takes up that a call of job `id` was answered: jobs that were refused again near it are blamed. `refused`: the job was refused
-- before, so that was the limit. Whether more may go than before.
local function witness_answer(l, id, begun, refused)
  local freed = false
  if refused then
    drop_teacher(l, id, true)
    redis.call('ZREM', of_group('accused', l.group), id)
  end
  if l.now >= l.watch_until then return false end
  note(l, 'answered', id, begun)
  for _, accused in ipairs(found_near(l, 'accused', begun)) do
    if accused ~= id then
      blame(l, accused)
      freed = true
    end
  end
  return freed
end
-- Fragment of end: calls that use more tokens than they reserved. Needs window.lua.
-- `used_mean` and `reserved_mean` are moving means over about eight calls; where calls use more than was estimated, reservations
-- are scaled by used / reserved (`scaled` in window.lua), until no call has done so for ten windows.

local MEAN_OVER, KEPT_WINDOWS = 8, 10

-- Puts the real use of a call in the place of its reservation, where it is more; and where it is less, if `cut`. Whether room was
-- made.
local function settle_tokens(l, member, used, estimated, cut)
  if not (l.tpm and used) then return false end
  local reserved = tonumber(redis.call('HGET', of_group('reserved', l.group), member))
  if reserved and (used > reserved or cut and used < reserved) then
    redis.call('HSET', of_group('reserved', l.group), member, text(used))
    redis.call('HINCRBY', l.key, 'tokens', text(used - reserved))
  end
  if estimated and estimated > 0 and (used > estimated or l.overuse) then
    local weight = l.overuse and MEAN_OVER or 1
    local u, r = l.used_mean + (used - l.used_mean) / weight, l.reserved_mean + (estimated - l.reserved_mean) / weight
    redis.call('HSET', l.key, 'used_mean', string.format('%.3f', u), 'reserved_mean', string.format('%.3f', r))
    if used > estimated then redis.call('HSET', l.key, 'overuse_until', text(l.now + KEPT_WINDOWS * l.window)) end
  end
  return cut and reserved and used < reserved or false
end
-- Fragment: what the end of a call means for the circuit breaker of its provider. Needs keys.lua.
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

-- The first probe after refusals that may be about single requests goes after this time, each further one twice as late.
local QUICK_MS = 2000
local SLICES, BUCKETS, FAILURES_KEPT = 10, 64, 1000
-- As many failures of one user count while others are answered.
local USER_MAX = 2

-- Where a worker has come with settings that were not refused yet, its probe is not far.
local function awaits_new_settings(b, s)
  local f = redis.call('HMGET', b.key, 'untried', 'untried_until')
  if f[1] and f[1] == s.settings then redis.call('HDEL', b.key, 'untried', 'untried_until') end
  return f[1] and f[1] ~= s.settings and b.now < tonumber(f[2])
end

-- `for_good`: until the account can be used again. `quick`: that is not sure, so the first probes go soon.
local function trip(b, s, reason, for_good, quick)
  local opens = tonumber(redis.call('HGET', b.key, 'opens')) or 0
  local wait = for_good and s.slow_ms or math.min(s.open_ms * 2 ^ math.min(opens, 20), s.open_max_ms)
  if quick then wait = math.min(QUICK_MS * 2 ^ math.min(opens, 20), wait) end
  if for_good and awaits_new_settings(b, s) then wait = math.min(QUICK_MS, wait) end
  redis.call('HSET', b.key, 'state', 'open', 'until', text(b.now + wait), 'reason', reason, 'probe_ms', s.probe_ms,
    'opens', opens + 1, 'opened', text(b.now), 'successes', '0', 'for_good', for_good and '1' or '0')
  if for_good and s.settings then redis.call('HSET', b.key, 'refused_settings', s.settings) end
  redis.call('HDEL', b.key, 'probe', 'probe_until')
  redis.call('DEL', root .. ':failures:' .. b.provider)
  return 'opened'
end

-- The calls that were answered are counted in slices of a tenth of the time in which failures count, by a bucket of users.
local function of_slice(b, s, back)
  local slice = math.floor(b.now / (s.failures_ms / SLICES)) - back
  return root .. ':answers:' .. b.provider .. ':' .. text(slice)
end

local function bucket_of(user)
  local sum = 0
  for i = math.max(#user - 7, 1), #user do sum = sum + string.byte(user, i) end
  return text(sum % BUCKETS)
end

local function count_answer(b, s, user)
  local key = of_slice(b, s, 0)
  if redis.call('HINCRBY', key, bucket_of(user or ''), 1) == 1 then
    redis.call('PEXPIRE', key, text(math.ceil(s.failures_ms * (SLICES + 1) / SLICES)))
  end
end

-- Whether the failures of the last slices, one or more of them, are too many: at least `failures`, and at least `ratio` of the calls
-- of the same time. A job counts once, and a user at most twice while calls of others are answered.
local function fails(b, s)
  local members = redis.call('ZREVRANGE', root .. ':failures:' .. b.provider, 0, FAILURES_KEPT - 1, 'WITHSCORES')
  if #members / 2 < s.failures then return false end
  local slices, answered = {}, {}
  for back = 0, SLICES - 1 do
    slices[back] = 0
    local counts = redis.call('HGETALL', of_slice(b, s, back))
    for i = 1, #counts, 2 do
      slices[back] = slices[back] + tonumber(counts[i + 1])
      answered[counts[i]] = true
    end
  end
  local function others_answered(bucket)
    for other in pairs(answered) do
      if other ~= bucket then return true end
    end
    return false
  end
  local length, by_user, failures, answers, at = s.failures_ms / SLICES, {}, 0, 0, 1
  for back = 0, SLICES - 1 do
    answers = answers + slices[back]
    local from = (math.floor(b.now / length) - back) * length
    while members[at] and tonumber(members[at + 1]) >= from do
      local bucket, whose = string.match(members[at], '^(%d+):(%x+):')
      local count = (by_user[whose or ''] or 0) + 1
      by_user[whose or ''] = count
      if count <= USER_MAX or not others_answered(bucket) then failures = failures + 1 end
      at = at + 2
    end
    if failures >= s.failures and failures >= s.ratio * (failures + answers) then return true end
  end
  return false
end

-- Takes up how a call of job `id` of `user` ended: `ok`, `rejected` (the upstream works, this request does not), `limited`,
-- `unsent`, `own` (refused for itself), `failed` or `blocked` (by the account: for good; `quick`: as far as is known).
-- `s`: failures, failures_ms, ratio, open_ms, open_max_ms, successes, slow_ms, probe_ms, settings (a digest). Returns `opened`, `closed` or nil.
local function heed_end(b, s, call, ending, reason, quick)
  local probe = b.probe == call.member
  if ending == 'ok' or ending == 'rejected' then count_answer(b, s, call.user) end
  if ending == 'blocked' then
    local again = b.state ~= 'closed' and redis.call('HGET', b.key, 'for_good') == '1'
    if again and not probe then return nil end
    return trip(b, s, reason, true, quick)
  end
  if ending == 'failed' and (probe or b.state == 'closed') then
    if probe then return trip(b, s, reason, redis.call('HGET', b.key, 'for_good') == '1') end
    local failures = root .. ':failures:' .. b.provider
    local user = call.user or ''
    redis.call('ZADD', failures, text(b.now), bucket_of(user) .. ':' .. redis.sha1hex(user) .. ':' .. call.id)
    redis.call('ZREMRANGEBYSCORE', failures, '-inf', text(b.now - s.failures_ms))
    redis.call('ZREMRANGEBYRANK', failures, 0, -FAILURES_KEPT - 1)
    redis.call('PEXPIRE', failures, s.failures_ms)
    if fails(b, s) then return trip(b, s, reason, false) end
    return nil
  end
  if not probe then return nil end
  redis.call('HDEL', b.key, 'probe', 'probe_until')
  if ending ~= 'ok' and ending ~= 'rejected' then return nil end
  local successes = redis.call('HINCRBY', b.key, 'successes', 1)
  if successes < s.successes and redis.call('HGET', b.key, 'for_good') ~= '1' then return nil end
  redis.call('DEL', b.key)
  return 'closed'
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

local id, group, ending, reason = ARGV[2], ARGV[5], ARGV[6], ARGV[7]
local member, now = id .. ':' .. ARGV[3] .. ':' .. ARGV[4], now_ms()
local l = open_limiter(group, now)
local provider = provider_of(group)
local event, count, freed = '', 0, false
write_though_full()

local function known(i)
  local number = tonumber(ARGV[i]) or -1
  return number >= 0 and number or nil
end

local key = of_job('job', id)
local job = redis.pcall('HMGET', key, 'lane', 'user', 'held', 'held_tokens', 'held_micros', 'spent_tokens',
  'spent_micros', 'aside', 'refused', 'blamed', 'denied')
local answered, plain = ending == 'ok' or ending == 'rejected', reason == 'plain'
local begun = now
if l then
  begun = tonumber(l.logged and redis.call('ZSCORE', of_group('permits', group), member) or now)
  if ending == 'limited' then
    local verdict
    verdict, count = judge_refusal(l, id, begun, whole_number(job[9]) or 0, whole_number(job[10]) or 0, plain)
    if verdict == 'limit' then
      keep_lesson(l, id, plain)
      heed_refusal(l, member, begun, known(15))
      event = 'paused'
    else
      release_trial(l, member)
      event, freed = verdict, true
    end
  elseif ending == 'pause' then
    redis.call('HSET', l.key, 'pause_until', text(math.max(l.pause_until, now + (known(15) or 0))))
    event = 'paused'
  elseif answered then
    freed = heed_success(l, begun)
    freed = witness_answer(l, id, begun, job[9]) or freed
  elseif ending == 'own' or ending == 'doubted' then
    redis.call('HSET', l.key, 'watch_until', text(now + WATCH_MS))
    release_trial(l, member)
    freed = true
  end
  if ending ~= 'unsent' and ending ~= 'unreached' then
    heed_headers(l, known(10), known(11), known(12), known(13) or 0, known(14) or l.granted)
  end
  freed = settle_tokens(l, member, known(8), known(26), ARGV[9] == 'used') or freed
end
if ending == 'unsent' or ending == 'unreached' then
  give_back(group, member)
  freed = true
end
-- Its next call is no trial and no probe while another one can be.
if answered then
  if job[8] then redis.call('HDEL', key, 'aside', 'refused', 'blamed', 'doubted', 'doubts', 'denied') end
elseif ending ~= 'unsent' and not job[8] and job[1] then
  redis.call('HSET', key, 'aside', '1')
end

if ending ~= 'unsent' then
  mend('HINCRBY', root .. ':metrics', provider .. '_requests', '1')
  if ending ~= 'ok' then redis.call('HINCRBY', root .. ':metrics', provider .. '_errors', '1') end
  -- A moving mean over about 64 calls.
  local took = ending == 'ok' and known(25)
  if took then
    local mean = tonumber(redis.call('HGET', root .. ':metrics', provider .. '_call_us')) or took
    redis.call('HSET', root .. ':metrics', provider .. '_call_us', text(math.floor(mean + (took - mean) / 64)))
  end
end

local spent = known(8) or known(27)
if spent then
  local b = budget()
  b.spend(now, job[2], spent, ARGV[24])
  if not known(8) then b.assume(now, job[2], spent, ARGV[24]) end
  local track = tracking()
  track.of_all(now, 'tokens', text(spent))
  track.of_all(now, 'micros', ARGV[24])
  -- What was spent need not be held any more.
  local tokens, micros = whole_number(job[4]) or 0, whole_number(job[5]) or 0
  local spent_tokens, spent_micros = math.min(spent, tokens), math.min(tonumber(ARGV[24]), micros)
  if job[3] then
    b.release(job[3], job[2], spent_tokens, spent_micros)
    redis.call('HSET', key, 'held_tokens', text(tokens - spent_tokens), 'held_micros', text(micros - spent_micros),
      'spent_tokens', text((whole_number(job[6]) or 0) + spent_tokens),
      'spent_micros', text((whole_number(job[7]) or 0) + spent_micros))
  end
end

local breaker, quick = open_breaker(provider, now), false
if ending == 'doubted' then
  local verdict = raise_doubt(provider, now, begun, id, job[2], whole_number(job[11]))
  if verdict ~= 'own' and job[1] then redis.call('HSET', key, 'denied', text(begun)) end
  if verdict == 'account' or verdict == 'doubt' and breaker.probe == member then
    ending, quick = 'blocked', true
  else
    ending, event = 'own', verdict
  end
  if verdict == 'doubt' and job[1] then
    redis.call('HSET', key, 'doubted', text(begun))
    count = redis.call('HINCRBY', key, 'doubts', 1)
    if ending == 'own' and is_alone(job[1]) and claim_witness(provider, now) then event = 'witness' end
  end
elseif answered and l and now < l.watch_until then
  freed = answer_doubt(provider, id, begun) or freed
end
local settings = { failures = tonumber(ARGV[16]), failures_ms = tonumber(ARGV[17]), ratio = tonumber(ARGV[18]),
  open_ms = tonumber(ARGV[19]), open_max_ms = tonumber(ARGV[20]), successes = tonumber(ARGV[21]),
  slow_ms = tonumber(ARGV[22]), probe_ms = ARGV[23], settings = ARGV[28] }
local verdict = heed_end(breaker, settings, { member = member, id = id, user = job[2] }, ending == 'unreached' and 'failed' or ending,
  reason, quick)
if ending == 'blocked' then condemn(provider, now) end
if verdict then event = verdict end
if verdict or freed then
  redis.call('HDEL', root .. ':limiter:' .. group, 'next_at')
  if job[1] then redis.call('ZADD', of_lane('wake', job[1]), '0', 'marker') end
end
return { 'ended', event, count }
