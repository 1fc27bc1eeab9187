-- The rest of settle, after settle_head.lua, which describes it, and its fragments.
local now = now_ms()
local ended = text(now)
local attempts, lane = tonumber(job[3]), job[5]
redis.call('ZREM', of_queue('leases'), id)
if job[12] then
  free_slot(id, lane, job[12], redis.call('HGET', key, 'permit'))
  redis.call('HDEL', key, 'group', 'permit')
end

-- Ended without a dead letter: what was needed to run is dropped.
local function finish(final, ttl)
  redis.call('ZREM', of_queue('deadlines'), id)
  if job[10] or attempts > 1 then redis.call('UNLINK', of_job('checkpoints', id), of_job('attempts', id)) end
  if job[13] then end_hold(id) end
  redis.call('PEXPIRE', key, ttl)
  redis.call('ZADD', of_queue('done'), ended, id)
  redis.call('PUBLISH', of_job('events', id), final)
  return { 'settled', final }
end

if outcome == 'complete' then
  redis.call('HSET', key, 'state', 'completed', 'ended', ended, 'progress', '100', 'settled', fence,
    'payload', '', 'result', ARGV[8])
  return finish('completed', ARGV[5])
end

local delay, code, message = tonumber(ARGV[7]), ARGV[8], ARGV[9]
redis.call('HSET', key, 'settled', fence, 'code', code, 'message', message)
if outcome == 'cancel' then
  redis.call('HSET', key, 'state', 'cancelled', 'ended', ended, 'payload', '')
  return finish('cancelled', ARGV[5])
end
if outcome == 'snooze' then
  -- Waiting by choice costs no attempt.
  redis.call('HSET', key, 'attempts', attempts - 1, 'resumed', '1')
else
  record_attempt(id, now, {
    attempt = attempts, worker = job[7] or '', started = tonumber(job[8]), code = code, message = message })
  if outcome == 'fail' or attempts >= tonumber(job[4]) then
    bury(id, nil, nil, now, ARGV[6], code, message)
    return { 'settled', 'failed' }
  end
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
put_in_line(id, lane, job[11], job[6])
redis.call('PUBLISH', of_job('events', id), 'waiting')
return { 'settled', 'waiting' }
