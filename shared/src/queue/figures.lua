-- Reads how many jobs of a queue stand where.
-- KEYS  1 root
-- ARGV  1 queue  2 lately_ms: the time that counts for what has ended lately
-- Returns {'figures', unfinished, active, delayed, done, dead, done lately, dead lately, ended within the last minute,
--         paused (1 or 0), first deadline in ms since the Unix epoch (-1: none), now_ms, workers lost within the last ten minutes}
-- @include "queue/keys"

local now = now_ms()
local function count(name) return redis.call('ZCARD', of_queue(name)) end
local function since(name, ms) return redis.call('ZCOUNT', of_queue(name), text(now - ms), '+inf') end

local lately = tonumber(ARGV[2])
local first = redis.call('ZRANGE', of_queue('deadlines'), 0, 0, 'WITHSCORES')[2]
return { 'figures', count('deadlines'), count('leases'), count('scheduled'), count('done'), count('dead'),
  since('done', lately), since('dead', lately), since('done', 60000) + since('dead', 60000),
  redis.call('HEXISTS', of_queue('order'), 'paused'), first or '-1', text(now),
  since('lost', 600000) }
