-- Accepts a job: all of it, or nothing.
-- KEYS  1 root
-- ARGV  1 queue  2 id  3 kind  4 lane  5 user  6 payload  7 delay_ms  8 deadline_ms (from now)  9 max_attempts
--       10 most jobs that may be unfinished  11 class  12 tokens of what is sent upstream, estimated
--       where it may cost something: 13, 14 tokens and micro-dollars that it may come to  15 to 18 limits of the budget
-- Returns {'accepted'} | {'known'} (this id waits or runs already) | {'full', unfinished}
--       | {'killed', reason} | {'over', limit, when it begins anew in ms}
local id, lane, delay, class = ARGV[2], ARGV[4], tonumber(ARGV[7]), ARGV[11]
local deadlines = of_queue('deadlines')
local now = now_ms()
local unfinished = redis.call('ZCARD', deadlines)
if unfinished >= tonumber(ARGV[10]) then return { 'full', text(unfinished) } end
local held = ARGV[13]
local refused = held and budget().refusal(now, ARGV[5], ARGV[13], ARGV[14], { ARGV[15], ARGV[16], ARGV[17], ARGV[18] })
if refused then return { refused[1], refused[2], refused[3] } end
local created, deadline = text(now), text(now + tonumber(ARGV[8]))
if redis.call('ZADD', deadlines, 'NX', deadline, id) == 0 then return { 'known' } end

-- What take and settle read comes first: a small hash is searched from its head. The job has no time to live while
-- `deadlines` knows it; its end gives it one.
local rank = next_rank(class, ARGV[5])
local state = delay > 0 and 'scheduled' or 'waiting'
redis.call('HSET', of_job('job', id), 'fence', '0', 'state', state, 'attempts', '0', 'max', ARGV[9], 'lane', lane,
  'class', class, 'rank', rank, 'created', created, 'kind', ARGV[3], 'queue', queue, 'user', ARGV[5], 'deadline', deadline,
  'payload', ARGV[6])
if ARGV[12] ~= '0' then redis.call('HSET', of_job('job', id), 'tokens', ARGV[12]) end
if held then
  redis.call('HSET', of_job('job', id), 'held', budget().hold(now, ARGV[5], ARGV[13], ARGV[14]), 'held_tokens', ARGV[13],
    'held_micros', ARGV[14])
end
if delay > 0 then
  local due = text(now + delay)
  redis.call('HSET', of_job('job', id), 'run_at', due)
  redis.call('ZADD', of_queue('scheduled'), due, id)
else
  put_in_line(id, lane, class, rank)
end
return { 'accepted' }
