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
