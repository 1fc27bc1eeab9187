-- Reads what is known of a user.
-- KEYS  1 root
-- ARGV  1 '' (no queue)  2 user  3 days to tell of, with today
-- Returns {'user', suspension ('': none), jobs in the user's list, {field, value, …}, {day, tokens, micros, held tokens,
--         held micros, assumed tokens, assumed micros}, …}: the days newest first
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

local user, now, b, track = ARGV[2], now_ms(), budget(), tracking()
local known = redis.pcall('HGETALL', track.user(user))
local reply = { 'user', redis.call('HGET', root .. ':suspended', user) or '', redis.call('ZCARD', root .. ':jobs_of:' .. user),
  known.err and {} or known }
for n = 0, tonumber(ARGV[3]) - 1 do
  local day = b.day_of(now - n * track.day_ms)
  local spent = b.counted(b.of_user(day, user))
  local row = { day }
  for i = 1, 6 do row[i + 1] = spent[i] or '0' end
  reply[#reply + 1] = row
end
return reply
