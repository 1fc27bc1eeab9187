-- Ends an attempt: result or failure, next state, index, event and freed lease in one step. A holder whose fence is old
-- changes nothing.
-- KEYS  1 root
-- ARGV  1 queue  2 id  3 fence  4 outcome: complete | retry | snooze | fail | cancel  5 completed_ttl_ms  6 dead_ttl_ms
--       7 delay_ms  8 code  9 message  (complete: 8 is the result)
-- Returns {'settled', state} | {'repeated', state} (this very settle was done before) | {'stale', state or 'gone'}
local id, fence, outcome = ARGV[2], ARGV[3], ARGV[4]
local key = of_job('job', id)
local job = redis.call('HMGET', key, 'fence', 'state', 'attempts', 'max', 'lane', 'rank', 'worker', 'started', 'settled',
  'resumed', 'class', 'group', 'held')
local state = job[2] or 'gone'
if job[9] == fence then return { 'repeated', state } end
if job[1] ~= fence or state ~= 'active' then return { 'stale', state } end


-- A first attempt that ends well and holds nothing: the rest of the script is not even defined for it.
if outcome == 'complete' and job[3] == '1' and not (job[10] or job[12] or job[13]) then
  local ended = text(now_ms())
  redis.call('ZREM', of_queue('leases'), id)
  redis.call('ZREM', of_queue('deadlines'), id)
  redis.call('HSET', key, 'state', 'completed', 'ended', ended, 'progress', '100', 'settled', fence, 'payload', '',
    'result', ARGV[8])
  redis.call('PEXPIRE', key, ARGV[5])
  redis.call('ZADD', of_queue('done'), ended, id)
  redis.call('PUBLISH', of_job('events', id), 'completed')
  return { 'settled', 'completed' }
end
