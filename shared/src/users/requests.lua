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
