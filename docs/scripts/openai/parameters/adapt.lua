-- Takes up what a refused call has taught about the parameters of a model at one address. A refusal of a call that was built
-- before the last adaptation teaches nothing: however many calls meet it at once, it counts once.
-- KEYS  1 root
-- ARGV  1 group  2 digest of the address  3 revision that the call was built with ('': none)  4 field  5 its value
--       6 `change`, or `note` for what changes no call  7 host of the address  8 how long it is kept, in s
-- Returns {'adapted' | 'known', field, value, field, value, …} with what is known now
-- Memory: one hash a group, gone a day after its first field was written; at most FIELDS_MAX fields.
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

local FIELDS_MAX = 128
local key, digest = root .. ':parameters:' .. ARGV[1], ARGV[2]
local function field(name) return digest .. ':' .. name end

write_though_full()
local word = 'known'
local revision = mend('HGET', key, field('revision')) or ''
if revision == ARGV[3] then
  word = 'adapted'
  if redis.call('HLEN', key) >= FIELDS_MAX then redis.call('UNLINK', key) end
  redis.call('HSET', key, field(ARGV[4]), ARGV[5], field('host'), ARGV[7])
  if ARGV[6] == 'change' then redis.call('HINCRBY', key, field('revision'), '1') end
  if redis.call('TTL', key) < 0 then redis.call('EXPIRE', key, ARGV[8]) end
end
local reply = redis.call('HGETALL', key)
table.insert(reply, 1, word)
return reply
