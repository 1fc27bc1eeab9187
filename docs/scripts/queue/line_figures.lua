-- Reads how many jobs of a queue wait in which class, and for how long. Of each line only the ten that are next are looked at.
-- KEYS  1 root
-- ARGV  1 queue  2… lanes
-- Returns {'line', now_ms, unfinished, active, delayed, dead, ended within the last minute, paused (1 or 0), suspects
--         (jobs whose worker was lost), workers lost within the last ten minutes, when the last one was (0: none), {waiting, when the oldest of the next was accepted (-1: none waits)} of interactive, of normal, of bulk}
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
-- Fragment: putting a job in line. Needs keys.lua.
-- A job that waits for a worker is in one of three sorted sets:
--   waiting   its lane and class, by rank: the line
--   aside     the same, where its last call was refused or failed: in its turn as well, but no trial and no probe while another
--             job can be one
--   suspects  its lane, by the time of the loss, where its worker was lost with it (suspects.lua)
-- `order` names the lanes that have jobs aside or suspects, so that a take looks for them only then.

local URGENCY = { bulk = 1, normal = 2, interactive = 3 }

-- A job's rank as it was stored; nil where a job of this lane, class and rank can't stand in line.
local function place(lane, class, rank)
  local number = tonumber(rank)
  if lane and lane ~= '' and URGENCY[class or ''] and number and number >= 0 and number < 2 ^ 62 then return text(number) end
end

local function of_aside(lane, class) return of_lane('aside', lane) .. ':' .. class end
local function of_suspects(lane) return of_lane('suspects', lane) end

-- Lets the job wait in its lane and class and wakes one idle worker. `rank` is its place in the class, which it got when
-- it was accepted, so that a job that comes back stands where it stood.
local function put_in_line(id, lane, class, rank)
  local marks, line = redis.pcall('HMGET', of_job('job', id), 'lost', 'aside'), of_line(lane, class)
  local score = rank or '0'
  if whole_number(marks[1]) then
    line, score = of_suspects(lane), marks[1]
    redis.call('HSET', of_queue('order'), 'suspects:' .. lane, '1')
  elseif marks[2] then
    line = of_aside(lane, class)
    redis.call('HSET', of_queue('order'), 'aside:' .. lane, '1')
  end
  local placed = redis.pcall('ZADD', line, score, id)
  -- Not a number: the stored job is damaged, and whoever takes it finds out.
  if type(placed) == 'table' then redis.call('ZADD', line, '0', id) end
  redis.call('ZADD', of_lane('wake', lane), '0', 'marker')
end

-- Takes the job out of line; whether it was there.
local function leave_line(id, lane, class)
  return redis.call('ZREM', of_line(lane, class), id) + redis.call('ZREM', of_aside(lane, class), id)
    + redis.call('ZREM', of_suspects(lane), id) > 0
end

local CLASSES, NEXT = { 'interactive', 'normal', 'bulk' }, '9'
local now = now_ms()
local function count(name) return redis.call('ZCARD', of_queue(name)) end
local function since(name, ms) return redis.call('ZCOUNT', of_queue(name), text(now - ms), '+inf') end

local reply = { 'line', text(now), count('deadlines'), count('leases'), count('scheduled'), count('dead'),
  since('done', 60000) + since('dead', 60000), redis.call('HEXISTS', of_queue('order'), 'paused'), 0, 0, '0' }
for i = 2, #ARGV do reply[9] = reply[9] + redis.call('ZCARD', of_suspects(ARGV[i])) end
reply[10] = redis.call('ZCOUNT', of_queue('lost'), text(now - 600000), '+inf')
reply[11] = redis.call('HGET', of_queue('order'), 'lost') or '0'
for _, class in ipairs(CLASSES) do
  local waiting, oldest = 0, -1
  for i = 2, #ARGV do
    for _, line in ipairs({ of_line(ARGV[i], class), of_aside(ARGV[i], class) }) do
      waiting = waiting + redis.call('ZCARD', line)
      for _, id in ipairs(redis.call('ZRANGE', line, '0', NEXT)) do
        local created = redis.pcall('HGET', of_job('job', id), 'created')
        created = type(created) == 'string' and whole_number(created)
        if created and (oldest < 0 or created < oldest) then oldest = created end
      end
    end
  end
  reply[#reply + 1] = { waiting, text(oldest) }
end
return reply
