-- Fragment: failed attempts and dead letters. Needs keys.lua, line.lua, slot.lua, budget.lua, users/track.lua and share.lua.
-- @include "queue/sizes"

-- Adds a failed attempt to the job's record, of which the newest 50 are kept.
local function record_attempt(id, now, entry)
  entry.ended, entry.attempt, entry.started = now, whole_number(entry.attempt) or 0, whole_number(entry.started)
  local key = of_job('attempts', id)
  redis.pcall('RPUSH', key, cjson.encode(entry))
  redis.pcall('LTRIM', key, '-50', '-1')
end

-- Gives back what a job that has ended in `state` was held to by the budget, and its room in the queue, drops its recording and
-- counts it. A dead letter keeps in mind what it may come to, should it be put back. Returns the digest of its work and its user.
local function close_books(id, state, now, code)
  local key = of_job('job', id)
  local job = redis.call('HMGET', key, 'held', 'user', 'held_tokens', 'held_micros', 'bytes', 'content', 'listed', 'recording')
  local bytes = whole_number(job[5])
  if bytes then uncount(queue, text(bytes)) end
  if job[1] then budget().release(job[1], job[2], whole_number(job[3]), whole_number(job[4])) end
  if job[1] and state == 'failed' then
    local spent = redis.call('HMGET', key, 'spent_tokens', 'spent_micros')
    redis.call('HDEL', key, 'held', 'spent_tokens', 'spent_micros', 'bytes')
    redis.call('HSET', key, 'held_tokens', text((whole_number(job[3]) or 0) + (whole_number(spent[1]) or 0)),
      'held_micros', text((whole_number(job[4]) or 0) + (whole_number(spent[2]) or 0)))
  elseif job[1] or job[5] then
    redis.call('HDEL', key, 'held', 'held_tokens', 'held_micros', 'spent_tokens', 'spent_micros', 'bytes')
  end
  if job[8] then redis.call('UNLINK', of_job('recording', id)) end
  if job[7] == '1' then tracking().ended(job[2], state, now, code) end
  return job[6], job[2]
end

-- Drops what is left of a job whose hash is gone; those that follow it go on.
local function drop_remains(id, now)
  for _, index in ipairs({ 'leases', 'scheduled', 'deadlines' }) do redis.call('ZREM', of_queue(index), id) end
  end_work(id, nil, nil, 'gone', now)
  redis.call('UNLINK', of_job('checkpoints', id), of_job('attempts', id), of_job('recording', id))
end

-- Dead letters beyond this many push out the oldest.
local DEAD_MAX = 100000

-- Makes a dead letter of the job, wherever it stands. Its payload, its checkpoints and its record stay with it.
-- `lane` and `class` where it may be in line.
local function bury(id, lane, class, now, dead_ttl, code, message)
  local job, dead = of_job('job', id), of_queue('dead')
  redis.call('ZREM', of_queue('leases'), id)
  redis.call('ZREM', of_queue('scheduled'), id)
  redis.call('ZREM', of_queue('deadlines'), id)
  if lane and class then leave_line(id, lane, class) end
  local content, user = close_books(id, 'failed', now, code)
  redis.call('HSET', job, 'state', 'failed', 'ended', text(now), 'code', code, 'message', message)
  redis.call('HDEL', job, 'worker', 'run_at', 'group', 'permit')
  for _, name in ipairs({ 'job', 'checkpoints', 'attempts' }) do redis.call('PEXPIRE', of_job(name, id), dead_ttl) end
  redis.call('ZADD', dead, text(now), id)
  if redis.call('ZCARD', dead) > DEAD_MAX then
    for _, oldest in ipairs(redis.call('ZRANGE', dead, '0', '1')) do
      redis.call('ZREM', dead, oldest)
      redis.call('UNLINK', of_job('job', oldest), of_job('checkpoints', oldest), of_job('attempts', oldest))
    end
  end
  redis.call('PUBLISH', of_job('events', id), 'failed')
  end_work(id, content, user, 'failed', now)
end
