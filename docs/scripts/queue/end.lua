-- Takes up how a call ended: what it used, what the upstream says about its limit, and how the upstream is.
-- KEYS  1 root
-- ARGV  1 queue  2 id  3 fence  4 number of the call in this attempt  5 group  6 ending: ok | rejected | limited | failed |
--       blocked | unreached (failed before it was let go) | unsent  7 reason  8 used tokens (-1: unknown)
--       9 `used` where the reservation is cut to real use  10 limit of requests (-1: unknown, as the next ones)  11 requests
--       left of it  12 limit of tokens  13, 14 own permits in the window and ever granted when the call was let go
--       15 retry_after_ms  16 failures  17 failures_ms  18 open_ms  19 open_max_ms  20 successes  21 slow_ms  22 probe_ms
--       23 what it cost, in micro-dollars  24 how long it took, in microseconds (-1: it was not let go)
-- Returns {'ended', event}: `opened` or `closed` where the breaker changed, `paused` where the upstream asked for it, else ''
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

  -- What is counted under a key: tokens and micro-dollars that are spent, then those that are held.
  local function counted_of(key) return redis.call('HMGET', key, 'tokens', 'micros', 'held_tokens', 'held_micros') end

  -- Adds to what is spent (`sort` is '') or held ('held_') in a day and its month. No counter falls below 0, and what is
  -- forgotten is not begun again by taking from it.
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

  return { release = budget_release, spend = budget_spend, key = budget_key, counted = counted_of, day_of = day_of,
    ends = budget_ends, of_user = user_spend, of_fleet = fleet_spend, user_ttl_ms = USER_SPEND_TTL_MS,
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
  redis.call('ZREMRANGEBYSCORE', of_group('refused', l.group), '-inf', text(l.now - l.span))
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
    'sure_rpm', 'reached')
  if not f[1] then return nil end
  local l = { group = group, key = key, now = now, window = tonumber(f[1]), guard = tonumber(f[2]) or 0, rpm = bound(f[3]),
    rps = bound(f[4]), tpm = bound(f[5]), concurrency = bound(f[6]), tokens = tonumber(f[7]) or 0,
    pause_until = tonumber(f[8]) or 0, refusals = tonumber(f[9]) or 0, cold = now >= (tonumber(f[10]) or 0), new = 0,
    learned = tonumber(f[11]), room = now < (tonumber(f[13]) or 0) and tonumber(f[12]) or nil,
    header_tpm = tonumber(f[14]), hold_until = tonumber(f[15]) or 0, step = tonumber(f[16]) or 0,
    granted = tonumber(f[17]) or 0, trial = f[18], sure = tonumber(f[19]), reached = f[20] == '1',
    grants = {} }
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
-- Fragment: what the upstream teaches about its limit. Needs window.lua.
-- Two things narrow the window of requests: what the upstream announces and leaves of it (`room`, for one window), and
-- what it refuses (`learned_rpm`, which is widened again step by step).

-- Before anything has succeeded within a window, at most this many calls are let go in this many ms: so many, and not
-- all, run into an upstream that refuses everything.
local COLD_CALLS, COLD_MS = 10, 500
-- A refusal that does not say how long doubles the pause, from the first of these to the last.
local PAUSE_MS, PAUSE_MAX_MS = 1000, 30000
-- After a pause one call is let go, and the next one after this time, until one succeeds.
local TRIAL_MS = 2000
-- Windows until a learned limit is widened; twice as many each time that it was found again.
local HOLD_WINDOWS, HOLD_WINDOWS_MAX = 4, 64
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

-- Takes up the rate headers of an answer: the limits, and what was left of the requests. What is left counts as of the
-- call's arrival, so own calls since are not mistaken for those of others.
local function heed_headers(l, limit, remaining, token_limit, seen, granted)
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

-- Notes that there were as many calls as the learned limit allows.
local function note_reached(l)
  if l.reached or l.rpm ~= l.learned then return end
  l.reached = true
  redis.call('HSET', l.key, 'reached', '1')
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
  local accepted = l.count - redis.call('ZCARD', of_group('refused', l.group))
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

local function trip(b, s, reason, for_good)
  local opens = tonumber(redis.call('HGET', b.key, 'opens')) or 0
  local wait = for_good and s.slow_ms or math.min(s.open_ms * 2 ^ math.min(opens, 20), s.open_max_ms)
  redis.call('HSET', b.key, 'state', 'open', 'until', text(b.now + wait), 'reason', reason, 'probe_ms', s.probe_ms,
    'opens', opens + 1, 'opened', text(b.now), 'successes', '0', 'for_good', for_good and '1' or '0')
  redis.call('HDEL', b.key, 'probe', 'probe_until')
  redis.call('DEL', root .. ':failures:' .. b.provider)
  return 'opened'
end

-- Takes up how a call ended: `ok`, `rejected` (the upstream works, this request does not), `limited`, `unsent`, `failed` or
-- `blocked` (by the account: for good). `s`: failures, failures_ms, open_ms, open_max_ms, successes, slow_ms, probe_ms.
-- Returns `opened`, `closed` or nil.
local function heed_end(b, s, member, ending, reason)
  local probe = b.probe == member
  if ending == 'blocked' then
    local again = b.state ~= 'closed' and redis.call('HGET', b.key, 'for_good') == '1'
    if again and not probe then return nil end
    return trip(b, s, reason, true)
  end
  if ending == 'failed' and (probe or b.state == 'closed') then
    if probe then return trip(b, s, reason, redis.call('HGET', b.key, 'for_good') == '1') end
    local failures = root .. ':failures:' .. b.provider
    redis.call('ZADD', failures, text(b.now), member)
    redis.call('ZREMRANGEBYSCORE', failures, '-inf', text(b.now - s.failures_ms))
    redis.call('PEXPIRE', failures, s.failures_ms)
    if redis.call('ZCARD', failures) >= s.failures then return trip(b, s, reason, false) end
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

local id, group, ending = ARGV[2], ARGV[5], ARGV[6]
local member, now = id .. ':' .. ARGV[3] .. ':' .. ARGV[4], now_ms()
local l = open_limiter(group, now)
local provider = provider_of(group)
local event, freed = '', false
write_though_full()

local function known(i)
  local number = tonumber(ARGV[i]) or -1
  return number >= 0 and number or nil
end

if l then
  local begun = tonumber(l.logged and redis.call('ZSCORE', of_group('permits', group), member) or now)
  if ending == 'limited' then
    heed_refusal(l, member, begun, known(15))
    event = 'paused'
  elseif ending == 'ok' or ending == 'rejected' then
    freed = heed_success(l, begun)
  end
  if ending ~= 'unsent' and ending ~= 'unreached' then
    heed_headers(l, known(10), known(11), known(12), known(13) or 0, known(14) or l.granted)
  end
  local used = ARGV[9] == 'used' and known(8)
  local reserved = used and tonumber(redis.call('HGET', of_group('reserved', group), member))
  if reserved and used < reserved then
    redis.call('HSET', of_group('reserved', group), member, text(used))
    redis.call('HINCRBY', l.key, 'tokens', text(used - reserved))
    freed = true
  end
end
if ending == 'unsent' or ending == 'unreached' then
  give_back(group, member)
  freed = true
end

if ending ~= 'unsent' then
  mend('HINCRBY', root .. ':metrics', provider .. '_requests', '1')
  if ending ~= 'ok' then redis.call('HINCRBY', root .. ':metrics', provider .. '_errors', '1') end
  -- A moving mean over about 64 calls.
  local took = ending == 'ok' and known(24)
  if took then
    local mean = tonumber(redis.call('HGET', root .. ':metrics', provider .. '_call_us')) or took
    redis.call('HSET', root .. ':metrics', provider .. '_call_us', text(math.floor(mean + (took - mean) / 64)))
  end
end

local key = of_job('job', id)
local job = redis.pcall('HMGET', key, 'lane', 'user', 'held', 'held_tokens', 'held_micros', 'spent_tokens',
  'spent_micros')
if known(8) then
  local b = budget()
  b.spend(now, job[2], ARGV[8], ARGV[23])
  local track = tracking()
  track.of_all(now, 'tokens', ARGV[8])
  track.of_all(now, 'micros', ARGV[23])
  -- What was spent need not be held any more.
  local tokens, micros = whole_number(job[4]) or 0, whole_number(job[5]) or 0
  local spent_tokens, spent_micros = math.min(known(8), tokens), math.min(tonumber(ARGV[23]), micros)
  if job[3] then
    b.release(job[3], job[2], spent_tokens, spent_micros)
    redis.call('HSET', key, 'held_tokens', text(tokens - spent_tokens), 'held_micros', text(micros - spent_micros),
      'spent_tokens', text((whole_number(job[6]) or 0) + spent_tokens),
      'spent_micros', text((whole_number(job[7]) or 0) + spent_micros))
  end
end

local settings = { failures = tonumber(ARGV[16]), failures_ms = ARGV[17], open_ms = tonumber(ARGV[18]),
  open_max_ms = tonumber(ARGV[19]), successes = tonumber(ARGV[20]), slow_ms = tonumber(ARGV[21]), probe_ms = ARGV[22] }
local verdict = heed_end(open_breaker(provider, now), settings, member, ending == 'unreached' and 'failed' or ending, ARGV[7])
if verdict then event = verdict end
if verdict or freed then
  redis.call('HDEL', root .. ':limiter:' .. group, 'next_at')
  if job[1] then redis.call('ZADD', of_lane('wake', job[1]), '0', 'marker') end
end
return { 'ended', event }
