-- A worker whose calls nothing limits says that it lives. Others do so with their limits (limiter/announce.lua).
-- KEYS  1 root
-- ARGV  1 queue  2 worker  3 ttl_ms (0: it takes nothing more)  4 replica  5 version  6 up_ms  7 slots  8 busy  9 cpu
--       10 model  11 priced
-- Returns {'registered'}
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
-- Fragment: a worker says that it lives. Needs keys.lua.
-- `workers:<queue>` has the workers that take jobs of the queue, by when each is taken for gone; `worker:<worker>` has what a worker
-- says of itself. Both end by themselves, when nobody says anything any more.

-- `ttl` is 0 for a worker that takes nothing more. `card` is {replica, version, up_ms, slots, busy,
-- cpu, model, priced}: the model where calls are paid by tokens, and '1' where the worker knows its
-- price, else '0'.
local function register(of_the_queue, worker, ttl, now, card)
  local workers, key = root .. ':workers:' .. of_the_queue, root .. ':worker:' .. worker
  redis.call('ZREMRANGEBYSCORE', workers, '-inf', text(now))
  if ttl == 0 then
    redis.call('ZREM', workers, worker)
    redis.call('UNLINK', key)
    return
  end
  redis.call('ZADD', workers, text(now + ttl), worker)
  redis.call('PEXPIRE', workers, text(ttl))
  redis.call('HSET', key, 'replica', card[1], 'version', card[2], 'started', text(now - tonumber(card[3])), 'slots', card[4],
    'busy', card[5], 'cpu', card[6] or '', 'seen', text(now), 'model', card[7] or '', 'priced', card[8] or '')
  redis.call('PEXPIRE', key, text(ttl))
end

write_though_full()
register(queue, ARGV[2], tonumber(ARGV[3]), now_ms(), { ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10], ARGV[11] })
return { 'registered' }
