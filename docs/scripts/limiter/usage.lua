-- Reads what of a group's window is used at this moment, after window.lua.
-- KEYS  1 root
-- ARGV  1 group
-- Returns {'usage', now_ms, requests, tokens}
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
    'sure_rpm', 'reached', 'watch_until', 'used_mean', 'reserved_mean', 'overuse_until',
    'announced_rpm', 'announced_tpm')
  if not f[1] then return nil end
  local l = { group = group, key = key, now = now, window = tonumber(f[1]), guard = tonumber(f[2]) or 0, rpm = bound(f[3]),
    rps = bound(f[4]), tpm = bound(f[5]), concurrency = bound(f[6]), tokens = tonumber(f[7]) or 0,
    pause_until = tonumber(f[8]) or 0, refusals = tonumber(f[9]) or 0, cold = now >= (tonumber(f[10]) or 0), new = 0,
    learned = tonumber(f[11]), room = now < (tonumber(f[13]) or 0) and tonumber(f[12]) or nil,
    header_tpm = tonumber(f[14]), hold_until = tonumber(f[15]) or 0, step = tonumber(f[16]) or 0,
    granted = tonumber(f[17]) or 0, trial = f[18], sure = tonumber(f[19]), reached = f[20] == '1',
    watch_until = tonumber(f[21]) or 0, used_mean = tonumber(f[22]) or 0, reserved_mean = tonumber(f[23]) or 0,
    overuse = now < (tonumber(f[24]) or 0), announced_rpm = tonumber(f[25]), announced_tpm = tonumber(f[26]), grants = {} }
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

-- A reservation of `cost` tokens, scaled by what recent calls really used of theirs.
local function scaled(l, cost)
  if not l.overuse or l.used_mean <= l.reserved_mean then return cost end
  return math.ceil(cost * l.used_mean / l.reserved_mean)
end

local now = now_ms()
local l = open_limiter(ARGV[1], now)
local count = l and l.count or 0
return { 'usage', text(now), count, count > 0 and l.tokens or 0 }
