-- Suspends a user, or lifts that. `suspended` names who is suspended, since when and why; it has no time to live.
-- KEYS  1 root
-- ARGV  1 '' (no queue)  2 user  3 '1': suspended, '0': not  4 reason  5 most users that may be suspended
-- Returns {'suspended', since when in ms, reason} | {'lifted'} | {'full'}: as many are suspended as can be
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

local user, suspended = ARGV[2], root .. ':suspended'
if ARGV[3] ~= '1' then
  redis.call('HDEL', suspended, user)
  return { 'lifted' }
end
local before = redis.call('HGET', suspended, user)
if not before and redis.call('HLEN', suspended) >= tonumber(ARGV[5]) then return { 'full' } end
-- Told once more, the reason may be another one; the time is that of the first.
local since = before and string.match(before, '^(%d+) ') or text(now_ms())
redis.call('HSET', suspended, user, since .. ' ' .. ARGV[4])
return { 'suspended', since, ARGV[4] }
