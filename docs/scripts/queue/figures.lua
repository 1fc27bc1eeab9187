-- Reads how many jobs of a queue stand where.
-- KEYS  1 root
-- ARGV  1 queue  2 lately_ms: the time that counts for what has ended lately
-- Returns {'figures', unfinished, active, delayed, done, dead, done lately, dead lately, ended within the last minute,
--         paused (1 or 0), first deadline in ms since the Unix epoch (-1: none), now_ms, workers lost within the last ten minutes}
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

local now = now_ms()
local function count(name) return redis.call('ZCARD', of_queue(name)) end
local function since(name, ms) return redis.call('ZCOUNT', of_queue(name), text(now - ms), '+inf') end

local lately = tonumber(ARGV[2])
local first = redis.call('ZRANGE', of_queue('deadlines'), 0, 0, 'WITHSCORES')[2]
return { 'figures', count('deadlines'), count('leases'), count('scheduled'), count('done'), count('dead'),
  since('done', lately), since('dead', lately), since('done', 60000) + since('dead', 60000),
  redis.call('HEXISTS', of_queue('order'), 'paused'), first or '-1', text(now),
  since('lost', 600000) }
