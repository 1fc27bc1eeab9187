-- Counts one request that is not for a job; enqueue.lua counts those.
-- KEYS  1 root
-- ARGV  1 '' (no queue)  2 '1': it is counted; else one only looks  3… the limits, as windows.lua reads them, and whose each is
-- Returns {'counted', a text with spaces between: now, which limit refuses it (from 1; 0: none), then for each limit, in their order:
--         how many requests are left, when there may be one more}
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
-- Fragment: requests in exact sliding windows. A subject has a list of the times of the requests that count for a limit, oldest
-- first: those of the window that ends now. Needs keys.lua.

-- Times that lie ahead of the clock are from before it was set back: they count from now.
local BACK_MS = 2000
local function bring_back(key, now)
  local length = redis.call('LLEN', key)
  for n = 0, length - 1 do
    if tonumber(redis.call('LINDEX', key, text(n))) <= now then break end
    redis.call('LSET', key, text(n), text(now))
  end
end

-- Forgets what is older than the window. Returns the oldest time that still counts, whether the list must live longer, and how
-- many times were forgotten. A list lives for two windows, and before the first of them is over, its oldest time has left and
-- this is asked again.
local function trim_window(key, window, now)
  local oldest = mend('LINDEX', key, '0')
  if not oldest then return nil, true, 0 end
  if oldest - now > BACK_MS then
    bring_back(key, now)
    return text(now), true, 0
  end
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

-- What is limited: the text before a subject in the key of its list, most requests, and the window in ms. By its number in ARGV.
local kinds = {}

-- Reads them from ARGV: how many there are at `at`, then name, most requests and window in ms of each. Returns where that ends.
local function read_kinds(at, now)
  local last = at + 3 * tonumber(ARGV[at])
  for i = at + 1, last, 3 do
    local window = tonumber(ARGV[i + 2])
    kinds[text((i - at + 2) / 3)] = { prefix = root .. ':asked_at:' .. ARGV[i] .. ':', most = tonumber(ARGV[i + 1]),
      window = window, ttl = text(2 * window), resets = text(now + window) }
  end
  return last
end

-- What is known of the lists that this call has counted in: how long each is, when there may be one more request than are left,
-- and how many of its times are not written yet. Requests of one call that count for the same list ask Redis once.
local lists = {}

-- Counts one more request of a subject, or looks at its list.
local function open_list(kind, subject, counts, now)
  local key = kind.prefix .. subject
  local list = lists[key]
  if list then
    if counts then list.length, list.more = list.length + 1, list.more + 1 end
    return list
  end
  local length = counts and mend('RPUSH', key, text(now))
  local oldest, renew, forgotten = nil, true, 0
  -- A list of one request is that of this one.
  if length ~= 1 then oldest, renew, forgotten = trim_window(key, kind.window, now) end
  list = { kind = kind, key = key, length = length and length - forgotten or redis.call('LLEN', key), more = 0,
    resets = oldest and text(oldest + kind.window) or kind.resets }
  if counts and renew then redis.call('PEXPIRE', key, kind.ttl) end
  lists[key] = list
  return list
end

-- Takes the last request out of a list again.
local function take_back(list)
  if list.more > 0 then list.more = list.more - 1 else redis.call('RPOP', list.key) end
  list.length = list.length - 1
end

-- Writes what the requests of the call have added.
local function keep_counts(now)
  for key, list in pairs(lists) do
    if list.more > 0 then
      local times = {}
      for n = 1, list.more do times[n] = text(now) end
      redis.call('RPUSH', key, unpack(times))
      redis.call('PEXPIRE', key, list.kind.ttl)
    end
  end
end

-- The lists of the request at hand.
local opened = {}

-- Counts a request against the limits in ARGV from `first` to `last` (number of its kind, whose it is): against all of them, or
-- none, which is what happens without `counts`. Returns which one refuses it (from 1; nil: none does), and says with spaces between:
-- that one (0: none), and for each how many requests are left and when there may be one more. `keep_counts` comes after the last
-- request of the call.
local function count_against_limits(counts, first, last, now)
  local over, count = nil, 0
  for i = first, last, 2 do
    local list = open_list(kinds[ARGV[i]], ARGV[i + 1], counts, now)
    count = count + 1
    opened[count] = list
    if counts and not over and list.length > list.kind.most then over = count end
  end
  local said = text(over or 0)
  for n = 1, count do
    local list = opened[n]
    if over then take_back(list) end
    said = said .. ' ' .. text(math.max(list.kind.most - list.length, 0)) .. ' ' .. list.resets
  end
  return over, said
end

local now = now_ms()
local _, said = count_against_limits(ARGV[2] == '1', read_kinds(3, now) + 1, #ARGV, now)
keep_counts(now)
return { 'counted', text(now) .. ' ' .. said }
