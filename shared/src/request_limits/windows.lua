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

-- Counts a request against the limits in ARGV from `first` on (name, whose it is, most requests, window in ms): against all of
-- them, or none, which is what happens without `counts`. Returns which one refuses it (from 1; nil: none does), and for each
-- how many requests are left and when there may be one more.
local function count_against_limits(counts, first, now)
  local over, standings, added, time = nil, {}, {}, text(now)
  for i = first, #ARGV, 4 do
    local key, window = root .. ':asked_at:' .. ARGV[i] .. ':' .. ARGV[i + 1], tonumber(ARGV[i + 3])
    local length = counts and mend('RPUSH', key, time)
    local oldest, renew, forgotten = nil, true, 0
    -- A list of one request is that of this one.
    if length ~= 1 then oldest, renew, forgotten = trim_window(key, window, now) end
    local left = ARGV[i + 2] - (length and length - forgotten or redis.call('LLEN', key))
    if counts then
      if renew then redis.call('PEXPIRE', key, text(2 * window)) end
      added[#added + 1] = key
      if left < 0 and not over then over = #added end
    end
    standings[#standings + 1] = left
    standings[#standings + 1] = text((oldest or now) + window)
  end
  for n, key in ipairs(over and added or {}) do
    redis.call('RPOP', key)
    standings[2 * n - 1] = standings[2 * n - 1] + 1
  end
  for n = 1, #standings, 2 do standings[n] = text(math.max(standings[n], 0)) end
  return over, standings
end
