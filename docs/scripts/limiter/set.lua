-- An operator sets limits of a group, or unsets them.
-- KEYS  1 root
-- ARGV  1 group  2… name, value, name, value, …: of rpm, rps, tpm, concurrency; an empty value unsets
-- Returns as announce.lua
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
-- Fragment: which limits are in force. Needs keys.lua.
local LIMITS = { 'window_ms', 'guard_ms', 'rpm', 'rps', 'tpm', 'concurrency' }
-- How long the state of a group outlives its last announcement.
local KEEP_MS = 86400000

-- Works out and writes down what is in force. Of the announced limits the lowest counts, 0 being none; of the windows the
-- longest, which allows the least.
local function in_force(group, now)
  redis.call('ZREMRANGEBYSCORE', root .. ':announced:' .. group, '-inf', text(now))
  local key, differ, found = root .. ':limiter:' .. group, 0, {}
  for _, entry in ipairs(redis.call('ZRANGE', root .. ':announced:' .. group, 0, 999)) do
    local i = 0
    for word in string.gmatch(string.match(entry, ' (.*)$') or '', '%d+') do
      i = i + 1
      local value, name = tonumber(word), LIMITS[i]
      if name and found[name] and found[name] ~= value then differ = 1 end
      if name and (not found[name] or (i <= 2 and value > found[name])
        or (i > 2 and value > 0 and (found[name] == 0 or value < found[name]))) then
        found[name] = value
      end
    end
  end
  local reply = { 'in_force', differ }
  if not found.rpm then
    redis.call('HDEL', key, unpack(LIMITS))
    return reply
  end
  local changed = false
  local set = redis.call('HMGET', root .. ':limits:' .. group, unpack(LIMITS))
  local before = redis.call('HMGET', key, unpack(LIMITS))
  for i, name in ipairs(LIMITS) do
    local value = text(tonumber(set[i]) or found[name])
    if before[i] ~= value then changed = true end
    redis.call('HSET', key, name, value)
    reply[i + 2] = tonumber(value)
  end
  redis.call('HSET', key, 'differ', differ)
  redis.call('PEXPIRE', key, KEEP_MS)
  if changed then redis.call('HDEL', key, 'next_at') end
  return reply
end

local group = ARGV[1]
for i = 2, #ARGV, 2 do
  if ARGV[i + 1] == '' then
    redis.call('HDEL', root .. ':limits:' .. group, ARGV[i])
  else
    redis.call('HSET', root .. ':limits:' .. group, ARGV[i], ARGV[i + 1])
  end
end
-- What was learned under other limits is forgotten.
redis.call('HDEL', root .. ':limiter:' .. group, 'next_at', 'learned_rpm', 'hold', 'hold_until', 'step', 'base', 'prior',
  'room', 'room_until', 'header_tpm', 'sure_rpm', 'reached', 'before', 'taught_by', 'taught_at', 'proven')
return in_force(group, now_ms())
