-- Records that this Redis knows of every permit there was, so that none need be waited for.
-- KEYS  1 root
-- Returns {'vouched'}
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

local info = redis.pcall('INFO', 'server')
local run_id = type(info) == 'string' and string.match(info, 'run_id:(%x+)') or 'unknown'
local key = root .. ':epoch'
redis.call('HSET', key, 'run_id', run_id, 'since', '0')
-- Which steps of the clock were believed is no wait: processes count them.
for _, field in ipairs(redis.call('HKEYS', key)) do
  local of_steps = string.sub(field, 1, 6) == 'steps:' or string.sub(field, 1, 5) == 'skew:'
  if field ~= 'run_id' and field ~= 'since' and not of_steps then redis.call('HDEL', key, field) end
end
return { 'vouched' }
