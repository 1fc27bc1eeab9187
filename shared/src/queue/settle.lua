-- The rest of settle, after settle_head.lua, which describes it, and its fragments.
local now = now_ms()
local ended = text(now)
local attempts, group, digest = whole_number(job[3]) or 1, job[6], job[8]
local more = redis.call('HMGET', key, 'max', 'lane', 'rank', 'class', 'worker', 'started', 'user', 'permit')
local lane, class, user, unspent = more[2], more[4], more[7], more[8]
redis.call('ZREM', of_queue('leases'), id)
if late then
  redis.call('ZREM', of_queue('scheduled'), id)
  if lane and class then redis.call('ZREM', of_line(lane, class), id) end
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
