-- Ends an attempt: result or failure, next state, index, event and freed lease in one step. A holder whose fence is old
-- changes nothing; but a result that it has is paid for, and ends a job that has not ended otherwise.
-- KEYS  1 root
-- ARGV  1 queue  2 id  3 fence  4 outcome: complete | retry | snooze | fail | cancel  5 completed_ttl_ms  6 dead_ttl_ms
--       7 how long its result answers for the same work, in ms  8 most bytes of such results  9 delay_ms  10 code  11 message
--       12 the error with its causes (complete: 10 is the result)
-- Returns {'settled', state, dead letters (where it is one)} | {'late', state} (ended with the result of an old fence)
--       | {'repeated', state} (this very settle was done before) | {'stale', state or 'gone'}
local id, fence, outcome, completed_ttl, dead_ttl = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local key = of_job('job', id)
local job = redis.pcall('HMGET', key, 'fence', 'state', 'attempts', 'bytes', 'resumed', 'group', 'held', 'content',
  'listed', 'recording')
local state = job[2] or job.err and 'corrupt' or 'gone'
local late = job[1] ~= fence or state ~= 'active'
if late and not job.err and redis.call('HGET', key, 'settled') == fence then return { 'repeated', state } end
if late and not (outcome == 'complete' and (state == 'waiting' or state == 'scheduled' or state == 'active')) then
  return { 'stale', state }
end

-- A first attempt that ends well, holds nothing and counts for nobody: the rest of the script is not even defined for it.
if outcome == 'complete' and job[3] == '1' and not (late or job[5] or job[6] or job[7] or job[8] or job[9] == '1' or job[10]) then
  local ended = text(now_ms())
  redis.call('ZREM', of_queue('leases'), id)
  redis.call('ZREM', of_queue('deadlines'), id)
  redis.call('HSET', key, 'state', 'completed', 'ended', ended, 'settled', fence, 'payload', '',
    'result', ARGV[10])
  if job[4] and redis.pcall('HINCRBY', root .. ':bytes', queue, '-' .. job[4]) == 0 then
    redis.call('HDEL', root .. ':bytes', queue)
  end
  redis.call('PEXPIRE', key, completed_ttl)
  redis.call('ZADD', of_queue('done'), ended, id)
  redis.call('PUBLISH', of_job('events', id), 'completed')
  return { 'settled', 'completed' }
end
