-- Reads how many jobs of a queue wait in which class, and for how long. Of each line only the ten that are next are looked at.
-- KEYS  1 root
-- ARGV  1 queue  2… lanes
-- Returns {'line', now_ms, unfinished, active, delayed, dead, ended within the last minute, paused (1 or 0), suspects
--         (jobs whose worker was lost), workers lost within the last ten minutes, when the last one was (0: none), {waiting, when the oldest of the next was accepted (-1: none waits)} of interactive, of normal, of bulk}
-- @include "queue/keys"
-- @include "queue/line"

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
