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
