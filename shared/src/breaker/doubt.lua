-- Fragment: refusals (403, 402) that do not say whether the account or this one request is refused. Needs keys.lua.
-- `doubt:<provider>` has `at` (when the first call in doubt was let go), `user` (SHA-1) and `job` (whose it was), `good` (when the
-- last call was let go that proves the account good), `bad` (when the account was last found unusable), and `witness_until`.

-- Two refusals further apart than this are no answer to each other.
local DOUBT_MS, DOUBT_TTL_MS, WITNESS_EVERY_MS = 60000, '600000', 10000

local function of_doubt(provider) return root .. ':doubt:' .. provider end

-- Whose refusal it was that a call let go at `at` met: 'account' | 'own'; nil where that is not known yet.
local function doubt_verdict(provider, at)
  local d = redis.call('HMGET', of_doubt(provider), 'good', 'bad')
  if (tonumber(d[2]) or 0) >= at then return 'account' end
  if (tonumber(d[1]) or 0) >= at then return 'own' end
end

-- Handles the refusal of a call of job `id` that began at `begun`. `denied` is the time at which an earlier call of the job was
-- refused, or nil. A job that is refused again although the account was good in between is refused for itself. Returns 'own',
-- 'account' (a job of another user was refused as well, and none was answered since), or 'doubt'.
local function raise_doubt(provider, now, begun, id, user, denied)
  local key, whose = of_doubt(provider), redis.sha1hex(user or '')
  local d = redis.call('HMGET', key, 'at', 'user', 'job', 'good', 'bad')
  local at, good, bad = tonumber(d[1]), tonumber(d[4]) or 0, tonumber(d[5]) or 0
  if good >= begun or denied and good >= denied and good > bad and good > now - DOUBT_MS then return 'own' end
  if at and now - at < DOUBT_MS then
    if d[2] ~= whose and d[3] ~= id then return 'account' end
  else
    redis.call('HSET', key, 'at', text(begun), 'user', whose, 'job', id)
    redis.call('PEXPIRE', key, DOUBT_TTL_MS)
  end
  return 'doubt'
end

-- A call of job `id` (nil: the free look at the model) that was let go at `begun` was answered: the account is good.
local function answer_doubt(provider, id, begun)
  local key = of_doubt(provider)
  local d = redis.call('HMGET', key, 'at', 'job', 'good', 'bad')
  local at, bad = tonumber(d[1]), tonumber(d[4])
  -- The first call that is answered after the account was found unusable proves it good as well.
  local recovered = not at and bad and bad >= (tonumber(d[3]) or 0) and begun > bad
  if not recovered and (not at or begun < at or id and d[2] == id) then return false end
  redis.call('HDEL', key, 'at', 'user', 'job')
  redis.call('HSET', key, 'good', text(begun))
  redis.call('PEXPIRE', key, DOUBT_TTL_MS)
  return true
end

-- The account can't be used: no refusal up to now was a job's own.
local function condemn(provider, now)
  local key = of_doubt(provider)
  redis.call('HDEL', key, 'at', 'user', 'job')
  redis.call('HSET', key, 'bad', text(now))
  redis.call('PEXPIRE', key, DOUBT_TTL_MS)
end

-- Whether the caller is to look at the model, which is free: one at a time, and not often.
local function claim_witness(provider, now)
  local key = of_doubt(provider)
  if now < (tonumber(redis.call('HGET', key, 'witness_until')) or 0) then return false end
  redis.call('HSET', key, 'witness_until', text(now + WITNESS_EVERY_MS))
  return true
end

-- Whether no other job of the lane could show how the account is: none waits that was not refused, and none runs.
local function is_alone(lane)
  local waiting = of_lane('waiting', lane)
  return redis.call('ZCARD', of_queue('leases')) <= 1
    and redis.call('EXISTS', waiting .. ':interactive', waiting .. ':normal', waiting .. ':bulk') == 0
end
