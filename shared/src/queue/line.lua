-- Fragment: putting a job in line and burying it. Needs keys.lua.

-- Lets the job wait in its lane and wakes one idle worker. `order` is the time at which it was accepted, so that a job
-- that comes back stands where it stood.
local function put_in_line(id, lane, order)
  redis.call('ZADD', of_lane('waiting', lane), order, id)
  redis.call('ZADD', of_lane('wake', lane), 0, 'marker')
end

-- Adds a failed attempt to the job's record, of which the newest 50 are kept.
local function record_attempt(id, now, entry)
  entry.ended = now
  local key = of_job('attempts', id)
  redis.pcall('RPUSH', key, cjson.encode(entry))
  redis.pcall('LTRIM', key, -50, -1)
  local ttl = redis.call('PTTL', of_job('job', id))
  if ttl > 0 then redis.call('PEXPIRE', key, ttl) end
end

-- Dead letters beyond this many push out the oldest.
local DEAD_MAX = 100000

-- Makes a dead letter of the job, wherever it stands. Its payload, its checkpoints and its record stay with it.
local function bury(id, lane, now, dead_ttl, code, message)
  local job = of_job('job', id)
  redis.call('ZREM', of_queue('leases'), id)
  redis.call('ZREM', of_queue('scheduled'), id)
  redis.call('ZREM', of_queue('deadlines'), id)
  if lane then redis.call('ZREM', of_lane('waiting', lane), id) end
  redis.call('HSET', job, 'state', 'failed', 'ended', now, 'code', code, 'message', message)
  redis.call('HDEL', job, 'worker', 'run_at')
  for _, name in ipairs({ 'job', 'payload', 'checkpoints', 'attempts' }) do
    redis.call('PEXPIRE', of_job(name, id), dead_ttl)
  end
  redis.call('ZADD', of_queue('dead'), now, id)
  if redis.call('ZCARD', of_queue('dead')) > DEAD_MAX then
    for _, oldest in ipairs(redis.call('ZRANGE', of_queue('dead'), 0, 1)) do
      redis.call('ZREM', of_queue('dead'), oldest)
      redis.call('UNLINK', of_job('job', oldest), of_job('payload', oldest), of_job('checkpoints', oldest), of_job('attempts', oldest))
    end
  end
  redis.call('PUBLISH', of_job('events', id), 'failed')
end
