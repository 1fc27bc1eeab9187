-- A worker starts. Where its settings (key, address, model) are not those that were refused, a breaker that waits for a person to
-- correct them is probed at once. One that an operator has opened stays as it is.
-- KEYS  1 root
-- ARGV  1 provider  2 digest of the settings
-- Returns {'probe'} | {'unchanged'}
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

-- For so long the worker's first probe is awaited: others that are refused in its place do not delay it.
local UNTRIED_MS = 120000

local key, now = root .. ':breaker:' .. ARGV[1], now_ms()
local f = redis.call('HMGET', key, 'for_good', 'reason', 'refused_settings')
if f[1] ~= '1' or f[2] == 'operator' or f[3] == ARGV[2] then return { 'unchanged' } end
write_though_full()
redis.call('HSET', key, 'until', text(now), 'untried', ARGV[2], 'untried_until', text(now + UNTRIED_MS))
return { 'probe' }
