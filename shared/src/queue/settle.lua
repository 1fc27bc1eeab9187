-- Ends an attempt: result or failure, next state, index, event and freed lease in one step. A holder whose fence is old
-- changes nothing; but a result that it has is paid for, and ends a job that has not ended otherwise.
-- KEYS  1 root
-- ARGV  1 queue  2 id  3 fence  4 outcome: complete | retry | snooze | fail | cancel  5 completed_ttl_ms  6 dead_ttl_ms
--       7 how long its result answers for the same work, in ms  8 most bytes of such results  9 delay_ms  10 code  11 message
--       12 the error with its causes (complete: 10 is the result)
-- Returns {'settled', state, dead letters (where it is one)} | {'late', state} (ended with the result of an old fence)
--       | {'repeated', state} (this very settle was done before) | {'stale', state or 'gone'}
-- @include "queue/keys"
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

-- @include "queue/line"
-- @include "queue/rank"
-- @include "queue/slot"
-- @include "budget/budget"
-- @include "users/track"
-- @include "queue/share"
-- @include "queue/bury"
-- @include "queue/broken"
-- @include "queue/result"
-- @include "queue/pass_on"

local now = now_ms()
local ended = text(now)
local attempts, group, digest = whole_number(job[3]) or 1, job[6], job[8]
local more = redis.call('HMGET', key, 'max', 'lane', 'rank', 'class', 'worker', 'started', 'user', 'permit')
local lane, class, user, unspent = more[2], more[4], more[7], more[8]
redis.call('ZREM', of_queue('leases'), id)
if late then
  redis.call('ZREM', of_queue('scheduled'), id)
  if lane and class then leave_line(id, lane, class) end
  if state == 'active' then revoke(id, group, unspent) end
elseif group then
  free_slot(id, lane or '', group, unspent)
end
if group then redis.call('HDEL', key, 'group', 'permit') end

-- Ended without a dead letter: what was needed to run is dropped.
local function finish(final)
  redis.call('ZREM', of_queue('deadlines'), id)
  if job[4] or job[7] or job[9] == '1' or job[10] then close_books(id, final, now) end
  redis.call('HSET', key, 'state', final, 'ended', ended, 'settled', fence, 'payload', '')
  redis.call('PEXPIRE', key, completed_ttl)
  redis.call('ZADD', of_queue('done'), ended, id)
  end_work(id, digest, user, final, now)
  if late or job[5] or attempts > 1 then redis.call('UNLINK', of_job('checkpoints', id), of_job('attempts', id)) end
  redis.call('PUBLISH', of_job('events', id), final)
  return { late and 'late' or 'settled', final }
end

if outcome == 'complete' then
  if digest then
    keep_result(id, digest, ARGV[10], user, now, tonumber(completed_ttl), tonumber(ARGV[7]), tonumber(ARGV[8]))
    redis.call('HSET', key, 'result_of', id)
  else
    redis.call('HSET', key, 'result', ARGV[10])
  end
  return finish('completed')
end

local delay, code, message = tonumber(ARGV[9]), ARGV[10], ARGV[11]
redis.call('HSET', key, 'settled', fence, 'code', code, 'message', message)
if outcome == 'cancel' then return finish('cancelled') end
if outcome == 'snooze' then
  -- Waiting by choice costs no attempt.
  redis.call('HSET', key, 'attempts', attempts - 1, 'resumed', '1')
else
  record_attempt(id, now, {
    attempt = job[3], worker = more[5] or '', started = more[6], code = code, message = message, error = ARGV[12] })
  if outcome == 'fail' or attempts >= (whole_number(more[1]) or 0) then
    bury(id, nil, nil, now, dead_ttl, code, message)
    return { 'settled', 'failed', redis.call('ZCARD', of_queue('dead')) }
  end
end
local rank = place(lane, class, more[3])
if not rank then
  bury_broken(id, job, nil, nil, now, dead_ttl)
  return { 'settled', 'failed' }
end
redis.call('HDEL', key, 'worker')
if delay > 0 then
  local due = text(now + delay)
  redis.call('HSET', key, 'state', 'scheduled', 'run_at', due, 'reason', outcome)
  redis.call('ZADD', of_queue('scheduled'), due, id)
  redis.call('PUBLISH', of_job('events', id), 'scheduled')
  return { 'settled', 'scheduled' }
end
redis.call('HSET', key, 'state', 'waiting', 'reason', outcome)
put_in_line(id, lane, class, rank)
redis.call('PUBLISH', of_job('events', id), 'waiting')
return { 'settled', 'waiting' }
