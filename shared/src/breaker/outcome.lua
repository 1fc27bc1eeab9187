-- Fragment: what the end of a call means for the circuit breaker of its provider. Needs keys.lua.
-- @include "breaker/breaker"

-- The first probe after refusals that may be about single requests goes after this time, each further one twice as late.
local QUICK_MS = 2000
local SLICES, BUCKETS, FAILURES_KEPT = 10, 64, 1000
-- As many failures of one user count while others are answered.
local USER_MAX = 2

-- Where a worker has come with settings that were not refused yet, its probe is not far.
local function awaits_new_settings(b, s)
  local f = redis.call('HMGET', b.key, 'untried', 'untried_until')
  if f[1] and f[1] == s.settings then redis.call('HDEL', b.key, 'untried', 'untried_until') end
  return f[1] and f[1] ~= s.settings and b.now < tonumber(f[2])
end

-- `for_good`: until the account can be used again. `quick`: that is not sure, so the first probes go soon.
local function trip(b, s, reason, for_good, quick)
  local opens = tonumber(redis.call('HGET', b.key, 'opens')) or 0
  local wait = for_good and s.slow_ms or math.min(s.open_ms * 2 ^ math.min(opens, 20), s.open_max_ms)
  if quick then wait = math.min(QUICK_MS * 2 ^ math.min(opens, 20), wait) end
  if for_good and awaits_new_settings(b, s) then wait = math.min(QUICK_MS, wait) end
  redis.call('HSET', b.key, 'state', 'open', 'until', text(b.now + wait), 'reason', reason, 'probe_ms', s.probe_ms,
    'opens', opens + 1, 'opened', text(b.now), 'successes', '0', 'for_good', for_good and '1' or '0')
  if for_good and s.settings then redis.call('HSET', b.key, 'refused_settings', s.settings) end
  redis.call('HDEL', b.key, 'probe', 'probe_until')
  redis.call('DEL', root .. ':failures:' .. b.provider)
  return 'opened'
end

-- The calls that were answered are counted in slices of a tenth of the time in which failures count, by a bucket of users.
local function of_slice(b, s, back)
  local slice = math.floor(b.now / (s.failures_ms / SLICES)) - back
  return root .. ':answers:' .. b.provider .. ':' .. text(slice)
end

local function bucket_of(user)
  local sum = 0
  for i = math.max(#user - 7, 1), #user do sum = sum + string.byte(user, i) end
  return text(sum % BUCKETS)
end

local function count_answer(b, s, user)
  local key = of_slice(b, s, 0)
  if redis.call('HINCRBY', key, bucket_of(user or ''), 1) == 1 then
    redis.call('PEXPIRE', key, text(math.ceil(s.failures_ms * (SLICES + 1) / SLICES)))
  end
end

-- Whether the failures of the last slices, one or more of them, are too many: at least `failures`, and at least `ratio` of the calls
-- of the same time. A job counts once, and a user at most twice while calls of others are answered.
local function fails(b, s)
  local members = redis.call('ZREVRANGE', root .. ':failures:' .. b.provider, 0, FAILURES_KEPT - 1, 'WITHSCORES')
  if #members / 2 < s.failures then return false end
  local slices, answered = {}, {}
  for back = 0, SLICES - 1 do
    slices[back] = 0
    local counts = redis.call('HGETALL', of_slice(b, s, back))
    for i = 1, #counts, 2 do
      slices[back] = slices[back] + tonumber(counts[i + 1])
      answered[counts[i]] = true
    end
  end
  local function others_answered(bucket)
    for other in pairs(answered) do
      if other ~= bucket then return true end
    end
    return false
  end
  local length, by_user, failures, answers, at = s.failures_ms / SLICES, {}, 0, 0, 1
  for back = 0, SLICES - 1 do
    answers = answers + slices[back]
    local from = (math.floor(b.now / length) - back) * length
    while members[at] and tonumber(members[at + 1]) >= from do
      local bucket, whose = string.match(members[at], '^(%d+):(%x+):')
      local count = (by_user[whose or ''] or 0) + 1
      by_user[whose or ''] = count
      if count <= USER_MAX or not others_answered(bucket) then failures = failures + 1 end
      at = at + 2
    end
    if failures >= s.failures and failures >= s.ratio * (failures + answers) then return true end
  end
  return false
end

-- Takes up how a call of job `id` of `user` ended: `ok`, `rejected` (the upstream works, this request does not), `limited`,
-- `unsent`, `own` (refused for itself), `failed` or `blocked` (by the account: for good; `quick`: as far as is known).
-- `s`: failures, failures_ms, ratio, open_ms, open_max_ms, successes, slow_ms, probe_ms, settings (a digest). Returns `opened`, `closed` or nil.
local function heed_end(b, s, call, ending, reason, quick)
  local probe = b.probe == call.member
  if ending == 'ok' or ending == 'rejected' then count_answer(b, s, call.user) end
  if ending == 'blocked' then
    local again = b.state ~= 'closed' and redis.call('HGET', b.key, 'for_good') == '1'
    if again and not probe then return nil end
    return trip(b, s, reason, true, quick)
  end
  if ending == 'failed' and (probe or b.state == 'closed') then
    if probe then return trip(b, s, reason, redis.call('HGET', b.key, 'for_good') == '1') end
    local failures = root .. ':failures:' .. b.provider
    local user = call.user or ''
    redis.call('ZADD', failures, text(b.now), bucket_of(user) .. ':' .. redis.sha1hex(user) .. ':' .. call.id)
    redis.call('ZREMRANGEBYSCORE', failures, '-inf', text(b.now - s.failures_ms))
    redis.call('ZREMRANGEBYRANK', failures, 0, -FAILURES_KEPT - 1)
    redis.call('PEXPIRE', failures, s.failures_ms)
    if fails(b, s) then return trip(b, s, reason, false) end
    return nil
  end
  if not probe then return nil end
  redis.call('HDEL', b.key, 'probe', 'probe_until')
  if ending ~= 'ok' and ending ~= 'rejected' then return nil end
  local successes = redis.call('HINCRBY', b.key, 'successes', 1)
  if successes < s.successes and redis.call('HGET', b.key, 'for_good') ~= '1' then return nil end
  redis.call('DEL', b.key)
  return 'closed'
end
