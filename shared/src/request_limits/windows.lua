-- Fragment: requests in exact sliding windows. A subject has a list of the times of the requests that count for a limit, oldest
-- first: those of the window that ends now. Needs keys.lua.

-- Forgets what is older than the window; returns the oldest time that still counts.
local function trim_window(key, window, now)
  local oldest = redis.call('LINDEX', key, 0)
  if not oldest or now - oldest < window then return oldest end
  -- Of the times in the list, `low` are known to be too old, and the one at `high` to be none of them, or beyond the list.
  local low, high = 1, redis.call('LLEN', key)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if now - redis.call('LINDEX', key, middle) < window then high = middle else low = middle + 1 end
  end
  redis.call('LTRIM', key, low, -1)
  return redis.call('LINDEX', key, 0)
end

-- Counts a request against the limits in ARGV from `first` on (name, whose it is, most requests, window in ms): against all of
-- them, or none, which is what happens without `counts`. Returns which one refuses it (from 1; nil: none does), and for each
-- how many requests are left and when there may be one more.
local function count_request(counts, first, now)
  local limits, over, standings = {}, nil, {}
  for i = first, #ARGV, 4 do
    local key, window = root .. ':requests:' .. ARGV[i] .. ':' .. ARGV[i + 1], tonumber(ARGV[i + 3])
    local oldest = trim_window(key, window, now)
    local left = ARGV[i + 2] - (oldest and redis.call('LLEN', key) or 0)
    limits[#limits + 1] = { key = key, window = ARGV[i + 3], left = left, free_at = (oldest or now) + window }
    if left <= 0 and counts and not over then over = #limits end
  end
  for _, limit in ipairs(limits) do
    if counts and not over then
      redis.call('RPUSH', limit.key, text(now))
      redis.call('PEXPIRE', limit.key, limit.window)
      limit.left = limit.left - 1
    end
    standings[#standings + 1] = text(math.max(limit.left, 0))
    standings[#standings + 1] = text(limit.free_at)
  end
  return over, standings
end
