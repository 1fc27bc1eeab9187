-- Takes up what a free look at the model has shown, when a refusal may be about the account and no other job waits.
-- KEYS  1 root
-- ARGV  1 queue  2 lane  3 group  4 good | bad | unknown  5 reason  6 slow_ms  7 probe_ms  8 digest of the settings
-- Returns {'noted', event}: `opened` where the account can't be used, else ''
-- Fragment: every key and the clock. KEYS[1] is the root; `Keys` in shared/src/redis/keys.rs names the same keys.
local root = KEYS[1]
local queue = ARGV[1]

local function of_job(name, id) return root .. ':' .. name .. ':' .. id end
local function of_queue(name) return root .. ':' .. name .. ':' .. queue end
local function of_lane(name, lane) return root .. ':' .. name .. ':' .. queue .. ':' .. lane end
local function of_line(lane, class) return of_lane('waiting', lane) .. ':' .. class end

-- A whole number as a command takes it. Redis formats a Lua number as a double, which is slow; the time, which most scripts write
-- in several places, is formatted once.
local now_known, now_text
local function text(number) return number == now_known and now_text or string.format('%d', number) end

-- Milliseconds since the Unix epoch: Redis' clock is the only one that decides anything.
local function now_ms()
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  now_known, now_text = now, string.format('%d', now)
  return now
end

-- Redis refuses the first write of a script while its memory is full, and no later one. What ends jobs, and frees memory with
-- that, begins with a write that needs none.
local function write_though_full() redis.call('DEL', root .. ':probe') end

-- The whole number that a field of a stored job holds; nil where it is none that could be ours.
local function whole_number(field)
  if field and #field <= 15 and string.find(field, '^%d+$') then return tonumber(field) end
end

-- Runs a command on a key that jobs can do without: something else that stands there makes room.
local function mend(command, key, ...)
  local reply = redis.pcall(command, key, ...)
  if type(reply) ~= 'table' or not reply.err then return reply end
  if string.find(reply.err, 'WRONGTYPE', 1, true) then redis.call('UNLINK', key) end
  return redis.call(command, key, ...)
end
-- Fragment: what a job holds of its upstream. Needs keys.lua.

-- The provider of a group: `openai` of `openai:gpt-4o-mini`.
local function provider_of(group) return string.match(group, '^[^:]+') or '' end

-- Gives back a permit whose call was not made.
local function give_back(group, member)
  local tokens = tonumber(redis.call('HGET', root .. ':reserved:' .. group, member))
  if redis.call('ZREM', root .. ':permits:' .. group, member) == 1 and tokens then
    redis.call('HDEL', root .. ':reserved:' .. group, member)
    redis.call('HINCRBY', root .. ':limiter:' .. group, 'tokens', -tokens)
  end
  redis.call('HDEL', root .. ':limiter:' .. group, 'next_at')
  local breaker = root .. ':breaker:' .. provider_of(group)
  if redis.call('HGET', breaker, 'probe') == member then redis.call('HDEL', breaker, 'probe', 'probe_until') end
end

-- Someone else has ended a job that a worker holds: the worker is told. The slot stays taken until it lets go (leave.lua) or
-- its lease has lapsed, since a call may be under way; `unspent` is the permit of a call that was not begun.
local function revoke(id, group, unspent)
  if group and unspent then give_back(group, unspent) end
  redis.call('PUBLISH', root .. ':revoked:' .. queue, id)
end

-- Frees the slot of a job that is no longer active, and wakes a worker that waits for one. `unspent` is the permit that
-- came with the job, where no call has used it.
local function free_slot(id, lane, group, unspent)
  if not group then return end
  redis.call('ZREM', root .. ':inflight:' .. group, id)
  if unspent then give_back(group, unspent) end
  if redis.call('HDEL', root .. ':limiter:' .. group, 'starved') == 1 and lane then
    redis.call('ZADD', of_lane('wake', lane), '0', 'marker')
  end
end

-- The worker that had the job was lost: if one of its calls was the breaker's probe, another one may go at once.
local function free_probe(id, group)
  if not group then return end
  local breaker = root .. ':breaker:' .. provider_of(group)
  local probe = redis.call('HGET', breaker, 'probe')
  if not probe or string.sub(probe, 1, #id + 1) ~= id .. ':' then return end
  redis.call('HDEL', breaker, 'probe', 'probe_until')
  redis.call('HDEL', root .. ':limiter:' .. group, 'next_at')
end
-- Fragment: what the end of a call means for the circuit breaker of its provider. Needs keys.lua.
-- Fragment: the circuit breaker of one provider, for the whole fleet. Needs keys.lua.
-- No hash: closed. `open` until a time; then `half_open`, in which one call at a time is let go as a probe.

local function open_breaker(provider, now)
  local key = root .. ':breaker:' .. provider
  local f = redis.call('HMGET', key, 'state', 'until', 'probe', 'probe_until', 'probe_ms', 'reason')
  return { key = key, provider = provider, now = now, state = f[1] or 'closed', until_ms = tonumber(f[2]) or 0,
    probe = f[3] or nil, probe_until = tonumber(f[4]) or 0, probe_ms = tonumber(f[5]) or 60000, reason = f[6] }
end

-- nil where a call may go, else {wait_ms, why}. `member` names the call: a probe is not refused by itself.
local function breaker_refusal(b, member)
  if b.state == 'closed' or (b.probe and b.probe == member) then return nil end
  if b.now < b.until_ms then return { b.until_ms - b.now, 'breaker' } end
  if b.probe and b.now < b.probe_until then return { b.probe_until - b.now, 'breaker' } end
end

-- Makes the call that is let go the probe, where one is due.
local function count_probe(b, member)
  if b.state == 'closed' or b.probe == member then return end
  b.state, b.probe, b.probe_until = 'half_open', member, b.now + b.probe_ms
  redis.call('HSET', b.key, 'state', b.state, 'probe', member, 'probe_until', text(b.probe_until))
end

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

local provider, found, now, event = provider_of(ARGV[3]), ARGV[4], now_ms(), ''
write_though_full()
if found == 'good' then
  answer_doubt(provider, nil, now)
elseif found == 'bad' then
  local settings = { open_ms = 0, open_max_ms = 0, slow_ms = tonumber(ARGV[6]), probe_ms = ARGV[7],
    settings = ARGV[8] }
  local breaker = open_breaker(provider, now)
  if breaker.state == 'closed' then event = trip(breaker, settings, ARGV[5], true) end
  condemn(provider, now)
end
redis.call('ZADD', of_lane('wake', ARGV[2]), '0', 'marker')
return { 'noted', event }
