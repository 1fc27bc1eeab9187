-- Fragment: requests in exact sliding windows. A subject has a list of the times of the requests that count for a limit, oldest
-- first: those of the window that ends now. Needs keys.lua.

-- Forgets what is older than the window. Returns the oldest time that still counts, whether the list must live longer, and how
-- many times were forgotten. A list lives for two windows, and before the first of them is over, its oldest time has left and
-- this is asked again.
local function trim_window(key, window, now)
  local oldest = mend('LINDEX', key, '0')
  if not oldest then return nil, true, 0 end
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

-- What is known of the lists that this call has counted in: how long each is, its oldest time, and how many of its times are not
-- written yet. Requests of one call that count for the same list ask Redis once.
local lists = {}

-- Counts one more request in a list, or looks at it.
local function open_list(key, window, counts, now)
  local list = lists[key]
  if list then
    if counts then list.length, list.more = list.length + 1, list.more + 1 end
    return list
  end
  local length = counts and mend('RPUSH', key, text(now))
  local oldest, renew, forgotten = nil, true, 0
  -- A list of one request is that of this one.
  if length ~= 1 then oldest, renew, forgotten = trim_window(key, window, now) end
  list = { length = length and length - forgotten or redis.call('LLEN', key), oldest = oldest, more = 0, ttl = text(2 * window) }
  if counts and renew then redis.call('PEXPIRE', key, list.ttl) end
  lists[key] = list
  return list
end

-- Takes the last request out of a list again.
local function take_back(key)
  local list = lists[key]
  if list.more > 0 then list.more = list.more - 1 else redis.call('RPOP', key) end
  list.length = list.length - 1
end

-- Writes what the requests of the call have added.
local function keep_counts(now)
  for key, list in pairs(lists) do
    if list.more > 0 then
      local times = {}
      for n = 1, list.more do times[n] = text(now) end
      redis.call('RPUSH', key, unpack(times))
      redis.call('PEXPIRE', key, list.ttl)
    end
  end
end

-- Counts a request against the limits in ARGV from `first` to `last` (name, whose it is, most requests, window in ms): against all
-- of them, or none, which is what happens without `counts`. Returns which one refuses it (from 1; nil: none does), and for each
-- how many requests are left and when there may be one more. `keep_counts` comes after the last request of the call.
local function count_against_limits(counts, first, last, now)
  local over, standings, keys = nil, {}, {}
  for i = first, last, 4 do
    local key, window = root .. ':asked_at:' .. ARGV[i] .. ':' .. ARGV[i + 1], tonumber(ARGV[i + 3])
    local list = open_list(key, window, counts, now)
    local left = ARGV[i + 2] - list.length
    keys[#keys + 1] = key
    if counts and left < 0 and not over then over = #keys end
    standings[#standings + 1] = left
    standings[#standings + 1] = text((list.oldest or now) + window)
  end
  for n, key in ipairs(over and keys or {}) do
    take_back(key)
    standings[2 * n - 1] = standings[2 * n - 1] + 1
  end
  for n = 1, #standings, 2 do standings[n] = text(math.max(standings[n], 0)) end
  return over, standings
end
