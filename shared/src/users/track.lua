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
