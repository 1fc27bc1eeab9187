-- Accepts a job: all of it, or nothing.
-- KEYS  1 root
-- ARGV  1 queue  2 id  3 kind  4 lane  5 user  6 payload  7 delay_ms  8 deadline_ms (from now)  9 max_attempts
--       10 most jobs that may be unfinished  11 class  12 tokens of what is sent upstream, estimated
-- Returns {'accepted', now_ms} | {'known', now_ms} (this id waits or runs already) | {'full', unfinished}
local id, lane, delay, class = ARGV[2], ARGV[4], tonumber(ARGV[7]), ARGV[11]
local deadlines = of_queue('deadlines')
local now = now_ms()
local unfinished = redis.call('ZCARD', deadlines)
if unfinished >= tonumber(ARGV[10]) then return { 'full', unfinished } end
local created, deadline = text(now), text(now + tonumber(ARGV[8]))
if redis.call('ZADD', deadlines, 'NX', deadline, id) == 0 then return { 'known', now } end

-- What take and settle read comes first: a small hash is searched from its head. The job has no time to live while
-- `deadlines` knows it; its end gives it one.
local rank = next_rank(class, ARGV[5])
local state = delay > 0 and 'scheduled' or 'waiting'
redis.call('HSET', of_job('job', id), 'fence', '0', 'state', state, 'attempts', '0', 'max', ARGV[9], 'lane', lane,
  'class', class, 'rank', rank,
  'tokens', ARGV[12], 'created', created, 'kind', ARGV[3], 'queue', queue, 'user', ARGV[5], 'deadline', deadline,
  'payload', ARGV[6])
if delay > 0 then
  local due = text(now + delay)
  redis.call('HSET', of_job('job', id), 'run_at', due)
  redis.call('ZADD', of_queue('scheduled'), due, id)
else
  put_in_line(id, lane, class, rank)
end
return { 'accepted', now }
