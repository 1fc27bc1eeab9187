-- A worker announces the limits that it was started with. The limits in force are an operator's, else the lowest that a live
-- worker announces: of two settings in a rolling deploy the fleet keeps to the smaller one, and never to their sum.
-- KEYS  1 root
-- ARGV  1 group  2 worker  3 ttl_ms (0: withdraws)  4 window_ms  5 guard_ms  6 rpm  7 rps  8 tpm  9 concurrency  10 age of its
--       last call in ms (-1: it has made none)  11 '1': a new Redis is to give no permit for a whole window  12 what it expects
--       Redis' clock to say ('': it does not know yet)  13 for how many ms it has expected that  14 queue  15… what the worker
--       says of itself, as workers/register.lua has it (14 and on may be missing)
-- Returns {'announced', now_ms, steps of the clock that were believed, 'in_force', differ (1 or 0), window_ms, guard_ms, rpm, rps,
--         tpm, concurrency}
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
-- Fragment: whether this Redis knows of every permit. Needs keys.lua.
-- One that was restarted, or took a failed one's place, may have lost its last second of permits, and after a step of the clock
-- nobody knows which of them have slid out: no permit is given for one window. One without an epoch is new: it may have lost
-- all of them, and gives permits as soon as the workers that live have said when their last call was.

-- Workers that live report within this time.
local REPORT_MS = 4000

-- Milliseconds until permits of `group` may be given again, and why: `new_redis` or `redis_recovery`. nil where they may now.
-- `span` is the window with its guard band.
local function until_trusted(group, now, span)
  local key, info = root .. ':epoch', redis.pcall('INFO', 'server')
  local run_id = type(info) == 'string' and string.match(info, 'run_id:(%x+)') or 'unknown'
  local f = redis.call('HMGET', key, 'run_id', 'since', 'new', 'waits', 'last_call', 'stepped:' .. group)
  local since, new, stepped = tonumber(f[2]), f[3], math.min(tonumber(f[6]) or 0, now)
  if f[1] ~= run_id or not since then
    since, new = now, not f[1] and '1'
    redis.call('HSET', key, 'run_id', run_id, 'since', text(now))
    redis.call('HDEL', key, 'new', 'waits', 'last_call')
    if new then redis.call('HSET', key, 'new', new) end
  elseif since > now then
    since = now
    redis.call('HSET', key, 'since', text(now))
  end
  local ready, why = since + span, 'redis_recovery'
  if new then
    why = 'new_redis'
    if f[4] ~= '1' then ready = math.min(ready, math.max(since + REPORT_MS, (tonumber(f[5]) or 0) + span)) end
  end
  if stepped > 0 and stepped + span > ready then ready, why = stepped + span, 'redis_recovery' end
  if now < ready then return ready - now, why end
end

-- A worker says when its last call was (age in ms; -1: it has made none), and whether a new Redis is to wait for a whole window.
local function report_last_call(now, age, waits)
  local key = root .. ':epoch'
  local f = redis.call('HMGET', key, 'new', 'last_call')
  if not f[1] then return end
  if waits then redis.call('HSET', key, 'waits', '1') end
  if age >= 0 and now - age > (tonumber(f[2]) or 0) then redis.call('HSET', key, 'last_call', text(now - age)) end
end
-- Fragment: whether Redis' clock says what the caller expects of it.

-- What differs by more is a step.
local STEP_MS = 2000
-- After this time every process that lives has said what it sees.
local SEEN_BY_ALL_MS = 12000

-- Milliseconds by which Redis' clock is ahead of what the caller expects (`expected`, '' where it does not know yet); nil where
-- that is no step. A message that was long on its way looks like a step forward: no permit is given on either.
local function skew_of(now, expected)
  local skew = expected and expected ~= '' and now - tonumber(expected)
  if skew and math.abs(skew) > STEP_MS then return skew end
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

local group, worker, ttl = ARGV[1], ARGV[2], tonumber(ARGV[3])
local announced = root .. ':announced:' .. group
local now = now_ms()
local own = worker
for i = 4, 9 do own = own .. ' ' .. ARGV[i] end
write_though_full()
if ttl > 0 then
  redis.call('ZADD', announced, text(now + ttl), own)
  redis.call('PEXPIRE', announced, text(ttl))
else
  redis.call('ZREM', announced, own)
end
if ARGV[14] then
  register(ARGV[14], worker, ttl, now, { ARGV[15], ARGV[16], ARGV[17], ARGV[18], ARGV[19], ARGV[20], ARGV[21], ARGV[22] })
end
-- A worker that has known the time since before another one saw a step says so where it sees none.
local step = root .. ':step:' .. group
local since = tonumber(redis.call('HGET', step, 'since'))
if since and ARGV[12] ~= '' and not skew_of(now, ARGV[12]) and tonumber(ARGV[13]) >= now - since + SEEN_BY_ALL_MS then
  redis.call('HSET', step, 'agreed', text(now))
end
local reply = in_force(group, now)
if ttl > 0 and reply[3] then
  -- From here on a new Redis waits for reports, and not only from the first job on.
  until_trusted(group, now, reply[3] + reply[4])
  report_last_call(now, tonumber(ARGV[10]), ARGV[11] == '1')
end
local steps = tonumber(redis.call('HGET', root .. ':epoch', 'steps:' .. group)) or 0
return { 'announced', text(now), steps, unpack(reply) }
