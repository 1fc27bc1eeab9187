-- Accepts a job: all of it, or nothing.
-- KEYS  1 root
-- ARGV  1 queue  2 id  3 kind  4 lane  5 user  6 payload  7 delay_ms  8 deadline_ms (from now)  9 max_attempts
--       10 most jobs that may be unfinished  11 ttl_ms after which a forgotten job is gone
-- Returns {'accepted', now_ms} | {'known', now_ms} (this id was accepted before) | {'full', unfinished}
local id, lane, delay = ARGV[2], ARGV[4], tonumber(ARGV[7])
local job, deadlines = of_job('job', id), of_queue('deadlines')
local now = now_ms()
if redis.call('EXISTS', job) == 1 then return { 'known', now } end
local unfinished = redis.call('ZCARD', deadlines)
if unfinished >= tonumber(ARGV[10]) then return { 'full', unfinished } end

local state = delay > 0 and 'scheduled' or 'waiting'
local deadline = now + tonumber(ARGV[8])
redis.call('HSET', job, 'kind', ARGV[3], 'lane', lane, 'queue', queue, 'user', ARGV[5], 'state', state, 'attempts', 0,
  'fence', 0, 'max', ARGV[9], 'created', now, 'deadline', deadline)
redis.call('PEXPIRE', job, ARGV[11])
redis.call('SET', of_job('payload', id), ARGV[6], 'PX', ARGV[11])
redis.call('ZADD', deadlines, deadline, id)
if delay > 0 then
  redis.call('HSET', job, 'run_at', now + delay)
  redis.call('ZADD', of_queue('scheduled'), now + delay, id)
else
  put_in_line(id, lane, now)
end
return { 'accepted', now }
