-- Lets one call of a job go, at the upstream's door: the permit that came with the job is moved to this moment, so that it
-- counts from when the call is made; a further call gets a permit of its own. Safe to repeat.
-- KEYS  1 root
-- ARGV  1 queue  2 id  3 fence  4 number of the call in this attempt  5 tokens that the provider counts up front
--       6 group  7 what the caller expects Redis' clock to say ('': it does not know yet)
-- Returns {'go', own permits in the window, permits ever granted} | {'wait', ms, why} | {'stale', state or 'gone'}
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
-- Fragment of take and begin: whether one more call may be let go: breaker, limiter and slots, asked together with the job
-- being taken and in the same step, so that no worker ever holds a job that it may not run.
-- Needs the fragments of limiter/ and breaker/, and slot.lua.
-- Fragment: the windows of one group of models that share a limit. Needs keys.lua.
-- `permits` is an exact log: every permit, by the time at which its call was let go. It counts for the window and the
-- guard band: what Redis' clock grants 60 s apart may reach the upstream's door closer together than that.

local function of_group(name, group) return root .. ':' .. name .. ':' .. group end

-- What a bound of 0 means: none.
local function bound(value)
  value = tonumber(value) or 0
  return value > 0 and value or nil
end

-- Drops the permits that have slid out, at most 1,000: with more the window seems fuller than it is, for one call.
local function slide(l)
  local log = of_group('permits', l.group)
  local out = redis.call('ZRANGEBYSCORE', log, '-inf', text(l.now - l.span), 'LIMIT', 0, 1000)
  if not out[1] then return end
  redis.call('ZREM', log, unpack(out))
  local freed = 0
  for _, tokens in ipairs(redis.call('HMGET', of_group('reserved', l.group), unpack(out))) do
    freed = freed + (tonumber(tokens) or 0)
  end
  if freed > 0 then
    redis.call('HDEL', of_group('reserved', l.group), unpack(out))
    l.tokens = redis.call('HINCRBY', l.key, 'tokens', -freed)
  end
end

-- The group as it stands at `now`; nil where no limits are in force, since no live worker has announced any.
local function open_limiter(group, now)
  local key = of_group('limiter', group)
  local f = redis.call('HMGET', key, 'window_ms', 'guard_ms', 'rpm', 'rps', 'tpm', 'concurrency', 'tokens', 'pause_until',
    'refusals', 'warm_until', 'learned_rpm', 'room', 'room_until', 'header_tpm', 'hold_until', 'step', 'granted', 'trial',
    'sure_rpm', 'reached', 'watch_until', 'used_mean', 'reserved_mean', 'overuse_until',
    'announced_rpm', 'announced_tpm')
  if not f[1] then return nil end
  local l = { group = group, key = key, now = now, window = tonumber(f[1]), guard = tonumber(f[2]) or 0, rpm = bound(f[3]),
    rps = bound(f[4]), tpm = bound(f[5]), concurrency = bound(f[6]), tokens = tonumber(f[7]) or 0,
    pause_until = tonumber(f[8]) or 0, refusals = tonumber(f[9]) or 0, cold = now >= (tonumber(f[10]) or 0), new = 0,
    learned = tonumber(f[11]), room = now < (tonumber(f[13]) or 0) and tonumber(f[12]) or nil,
    header_tpm = tonumber(f[14]), hold_until = tonumber(f[15]) or 0, step = tonumber(f[16]) or 0,
    granted = tonumber(f[17]) or 0, trial = f[18], sure = tonumber(f[19]), reached = f[20] == '1',
    watch_until = tonumber(f[21]) or 0, used_mean = tonumber(f[22]) or 0, reserved_mean = tonumber(f[23]) or 0,
    overuse = now < (tonumber(f[24]) or 0), announced_rpm = tonumber(f[25]), announced_tpm = tonumber(f[26]), grants = {} }
  l.span = l.window + l.guard
  l.logged = l.rpm or l.rps or l.tpm
  l.configured_rpm = l.rpm
  if l.logged then
    slide(l)
    l.count = redis.call('ZCARD', of_group('permits', group))
    -- The log has a time to live: when it is gone, so is what it held.
    if l.count == 0 and l.tokens ~= 0 then
      l.tokens = 0
      redis.call('HSET', key, 'tokens', '0')
    end
  end
  return l
end

-- Milliseconds until at most `most` of the permits of the last `span` ms are left; nil where that is so now.
local function until_room(l, span, most)
  local log, from = of_group('permits', l.group), text(l.now - span)
  local count = span == l.span and l.count or redis.call('ZCOUNT', log, '(' .. from, '+inf')
  local over = count + l.new - most
  if over <= 0 then return nil end
  local blocking = count >= over and redis.call('ZRANGEBYSCORE', log, '(' .. from, '+inf', 'WITHSCORES', 'LIMIT', over - 1, 1)
  if not blocking or not blocking[2] then return span end
  return math.max(tonumber(blocking[2]) + span - l.now, 1)
end

-- Milliseconds until `cost` more tokens fit; nil where they do now. A call above the limit itself waits for an empty window.
local function until_tokens(l, cost)
  if not l.tpm then return nil end
  local over = l.tokens + math.min(cost, l.tpm) - l.tpm
  if over <= 0 then return nil end
  local oldest = redis.call('ZRANGE', of_group('permits', l.group), 0, 63, 'WITHSCORES')
  for i = 1, #oldest, 2 do
    over = over - (tonumber(redis.call('HGET', of_group('reserved', l.group), oldest[i])) or 0)
    if over <= 0 or i + 2 > #oldest then return math.max(tonumber(oldest[i + 1]) + l.span - l.now, 1) end
  end
  return l.span
end

-- A reservation of `cost` tokens, scaled by what recent calls really used of theirs.
local function scaled(l, cost)
  if not l.overuse or l.used_mean <= l.reserved_mean then return cost end
  return math.ceil(cost * l.used_mean / l.reserved_mean)
end
-- Fragment: permits in the log. Needs window.lua.

-- Reserves a permit for one call; `keep_grants` writes it down.
local function grant(l, member, cost)
  l.new = l.new + 1
  l.tokens = l.tokens + cost
  table.insert(l.grants, { member, cost })
end

local function keep_grants(l)
  if not l.grants[1] then return end
  local log, reserved, entries, costs, sum = of_group('permits', l.group), of_group('reserved', l.group), {}, {}, 0
  for _, permit in ipairs(l.grants) do
    table.insert(entries, text(l.now))
    table.insert(entries, permit[1])
    if permit[2] > 0 then
      table.insert(costs, permit[1])
      table.insert(costs, text(permit[2]))
      sum = sum + permit[2]
    end
  end
  if l.logged then
    redis.call('ZADD', log, unpack(entries))
    redis.call('PEXPIRE', log, text(l.span))
    if sum > 0 then
      redis.call('HSET', reserved, unpack(costs))
      redis.call('PEXPIRE', reserved, text(l.span))
      redis.call('HINCRBY', l.key, 'tokens', text(sum))
    end
  end
  l.granted = redis.call('HINCRBY', l.key, 'granted', #l.grants)
end

-- Moves a permit to now: it counts from the moment at which its call is made. What is in the window stays as many, so
-- no window that ends later can hold more than the limit.
local function move_permit(l, member, cost, reserved)
  if not l.logged then return end
  local log = of_group('permits', l.group)
  redis.call('ZADD', log, 'XX', text(l.now), member)
  redis.call('PEXPIRE', log, text(l.span))
  if cost == reserved then return end
  redis.call('HSET', of_group('reserved', l.group), member, text(cost))
  redis.call('PEXPIRE', of_group('reserved', l.group), text(l.span))
  redis.call('HINCRBY', l.key, 'tokens', text(cost - reserved))
end
-- Fragment: whether this Redis knows of every permit. Needs keys.lua.
-- One that was restarted, or took a failed one's place, may have lost its last second of permits, and after a step of the clock
-- nobody knows which of them have slid out: no permit is given for one window. One without an epoch is new: it may have lost
-- all of them, and gives permits as soon as the workers that live have said when their last call was.

-- Workers that live report within this time.
local REPORT_MS = 4000

-- Milliseconds until permits of `group` may be given again, and why: `new_redis` or `redis_recovery`. nil where they may now.
-- `span` is the window with its guard band.
local function until_trusted(group, now, span)
  local key, info = root .. ':epoch', redis.pcall('INFO', 'server')
  local run_id = type(info) == 'string' and string.match(info, 'run_id:(%x+)') or 'unknown'
  local f = redis.call('HMGET', key, 'run_id', 'since', 'new', 'waits', 'last_call', 'stepped:' .. group)
  local since, new, stepped = tonumber(f[2]), f[3], math.min(tonumber(f[6]) or 0, now)
  if f[1] ~= run_id or not since then
    since, new = now, not f[1] and '1'
    redis.call('HSET', key, 'run_id', run_id, 'since', text(now))
    redis.call('HDEL', key, 'new', 'waits', 'last_call')
    if new then redis.call('HSET', key, 'new', new) end
  elseif since > now then
    since = now
    redis.call('HSET', key, 'since', text(now))
  end
  local ready, why = since + span, 'redis_recovery'
  if new then
    why = 'new_redis'
    if f[4] ~= '1' then ready = math.min(ready, math.max(since + REPORT_MS, (tonumber(f[5]) or 0) + span)) end
  end
  if stepped > 0 and stepped + span > ready then ready, why = stepped + span, 'redis_recovery' end
  if now < ready then return ready - now, why end
end

-- A worker says when its last call was (age in ms; -1: it has made none), and whether a new Redis is to wait for a whole window.
local function report_last_call(now, age, waits)
  local key = root .. ':epoch'
  local f = redis.call('HMGET', key, 'new', 'last_call')
  if not f[1] then return end
  if waits then redis.call('HSET', key, 'waits', '1') end
  if age >= 0 and now - age > (tonumber(f[2]) or 0) then redis.call('HSET', key, 'last_call', text(now - age)) end
end
-- Fragment: the limit that was learned from the upstream, as it holds now. Needs window.lua.
-- Two things narrow the window of requests: what the upstream announces and leaves of it (`room`, for one window), and
-- what it refuses (`learned_rpm`, which is widened again step by step).

-- Before anything has succeeded within a window, at most this many calls are let go in this many ms: so many, and not
-- all, run into an upstream that refuses everything.
local COLD_CALLS, COLD_MS = 10, 500
-- After a pause one call is let go, and the next one after this time, until one succeeds.
local TRIAL_MS = 2000
-- The first step of widening, as a share of the configured limit; each doubles the one before, up to the last. What is tried
-- beyond `sure_rpm`, the limit as it was found, goes evenly over the window: where a step was too wide, the first refusal tells it
-- before the rest is on its way.
local STEP, STEP_MAX = 0.02, 0.16

-- Takes a step up when its time has come, and narrows `l` to what was learned.
local function narrow(l)
  if l.tpm and l.header_tpm and l.header_tpm < l.tpm then l.tpm = l.header_tpm end
  if not l.rpm then return end
  if l.learned then
    local stale = l.now > l.hold_until + 16 * l.window
    -- A limit that was not reached has not been tried: nothing says that more would be accepted. In the end it is
    -- forgotten.
    if stale or (l.now >= l.hold_until and l.reached) then
      local step = l.step > 0 and l.step or STEP
      l.learned = l.learned + math.max(math.ceil(l.rpm * step), 1)
      if l.learned >= l.rpm or stale then
        redis.call('HDEL', l.key, 'learned_rpm', 'sure_rpm', 'reached', 'hold', 'hold_until', 'step', 'base', 'prior')
        l.learned = nil
      else
        l.hold_until, l.reached = l.now + l.window, false
        redis.call('HSET', l.key, 'learned_rpm', text(l.learned), 'hold_until', text(l.hold_until), 'step',
          tostring(math.min(step * 2, STEP_MAX)), 'reached', '0')
      end
    end
    if l.learned and l.learned < l.rpm then l.rpm = l.learned end
  end
  if l.room and l.room < l.rpm then l.rpm = l.room end
end

-- Notes that there were as many calls as the learned limit allows.
local function note_reached(l)
  if l.reached or l.rpm ~= l.learned then return end
  l.reached = true
  redis.call('HSET', l.key, 'reached', '1')
end
-- Fragment: whether one more call may be let go. Needs window.lua, learned.lua and epoch.lua.

-- nil unless the upstream has asked for a pause. The one call that is let go after it is not refused by itself.
local function pause_refusal(l, member)
  if l.now < l.pause_until and l.trial ~= member then
    return { l.pause_until - l.now, 'paused_by_upstream', true }
  end
end

-- nil where `cost` more tokens fit.
local function tokens_refusal(l, cost)
  local wait = cost > 0 and until_tokens(l, cost)
  if wait then return { wait, 'tokens' } end
end

-- Milliseconds until one more call may go beyond the limit that is sure; nil where it may now.
local function until_tried(l)
  if not (l.learned and l.sure and l.rpm > l.sure) or l.count + l.new < l.sure then return nil end
  return until_room(l, math.floor(l.window / (l.rpm - l.sure)), 0)
end

-- Permits are withheld, which those who look at the group or at a job that waits are told.
local function withheld(l, wait, why)
  local said = why .. ' ' .. text(l.now + wait)
  redis.call('HSET', root .. ':epoch', 'withheld:' .. l.group, said, 'withheld:' .. queue, said)
  return { wait, why, true }
end

-- nil where it may, else {wait_ms (-1: until woken), why, exact}: `exact` where no call whatsoever may go before.
local function limiter_refusal(l, cost)
  local pause = pause_refusal(l)
  if pause then return pause end
  if l.refusals > 0 and l.new > 0 then return { TRIAL_MS, 'paused_by_upstream', true } end
  local wait = l.rpm and until_room(l, l.span, l.rpm - 1)
  if wait then note_reached(l) end
  wait = wait or until_tried(l)
  if wait then return { wait, 'requests', true } end
  wait = l.rps and until_room(l, 1000 + l.guard, l.rps - 1)
  if wait then return { wait, 'requests_per_second', true } end
  wait = l.logged and l.cold and until_room(l, COLD_MS, COLD_CALLS - 1)
  if wait then return { wait, 'cold', true } end
  local tokens = tokens_refusal(l, cost)
  if tokens then return tokens end
  if not l.trusted and (l.logged or l.concurrency) then
    local why
    wait, why = until_trusted(l.group, l.now, l.span)
    if wait then return withheld(l, wait, why) end
    l.trusted = true
  end
end

-- After a pause the next call waits for the first one's answer, or for a while.
local function count_trial(l)
  if l.refusals == 0 or l.new == 0 then return end
  redis.call('HSET', l.key, 'pause_until', text(l.now + TRIAL_MS), 'trial', l.grants[1][1])
end
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

-- Everything that is asked, as it stands now; nil where no limits are in force. Without a group nothing limits a job.
local function open_gate(group, now)
  local l = open_limiter(group, now)
  if not l then return nil end
  narrow(l)
  return { l = l, b = open_breaker(provider_of(group), now) }
end

-- nil where the call `member` of `cost` tokens may go, else {wait_ms (-1: until woken), why, exact}.
local function refusal(gate, member, cost)
  return breaker_refusal(gate.b, member) or limiter_refusal(gate.l, cost)
end

-- Whether one call has to show how the upstream is, before others go.
local function is_careful(gate) return gate.b.state ~= 'closed' or gate.l.refusals > 0 end

local function let_go(gate, member, cost)
  count_probe(gate.b, member)
  grant(gate.l, member, cost)
end

-- nil where one more job may run at once, else {-1, why}: a slot is freed by the end of a job.
local function slot_refusal(gate)
  local l = gate.l
  if not l.concurrency then return nil end
  local slots = of_group('inflight', l.group)
  if not l.slots then
    redis.call('ZREMRANGEBYSCORE', slots, '-inf', text(l.now))
    l.slots = redis.call('ZCARD', slots)
  end
  if l.slots + l.new < l.concurrency then return nil end
  redis.call('HSET', l.key, 'starved', '1')
  return { -1, 'concurrency' }
end

local function close_gate(gate)
  count_trial(gate.l)
  keep_grants(gate.l)
end
-- Fragment: whether Redis' clock says what the caller expects of it.

-- What differs by more is a step.
local STEP_MS = 2000
-- After this time every process that lives has said what it sees.
local SEEN_BY_ALL_MS = 12000

-- Milliseconds by which Redis' clock is ahead of what the caller expects (`expected`, '' where it does not know yet); nil where
-- that is no step. A message that was long on its way looks like a step forward: no permit is given on either.
local function skew_of(now, expected)
  local skew = expected and expected ~= '' and now - tonumber(expected)
  if skew and math.abs(skew) > STEP_MS then return skew end
end

local id, fence, group, tokens = ARGV[2], ARGV[3], ARGV[6], tonumber(ARGV[5])
local key = of_job('job', id)
local job = redis.pcall('HMGET', key, 'fence', 'state', 'permit', 'group')
if job[1] ~= fence or job[2] ~= 'active' then return { 'stale', job[2] or 'gone' } end

write_though_full()
local now = now_ms()
local member = id .. ':' .. fence .. ':' .. ARGV[4]
local gate = open_gate(group, now)
if not gate then return { 'wait', 0, 'unannounced' } end
local l, b = gate.l, gate.b
local cost = scaled(l, tokens)
local held = l.logged and redis.call('ZSCORE', of_group('permits', group), member)
local reserved = held and tonumber(redis.call('HGET', of_group('reserved', group), member)) or 0

local first = held or not l.logged and job[3] == member
local wait
if skew_of(now, ARGV[7]) then
  wait = { 0, 'clock' }
elseif first then
  -- Its place in the window is its own: only what has happened since can stop it.
  wait = breaker_refusal(b, member) or pause_refusal(l, member) or tokens_refusal(l, cost - reserved)
else
  wait = refusal(gate, member, cost)
end
if wait then
  if job[3] then give_back(group, job[3]) end
  redis.call('HSET', key, 'need', text(tokens))
  redis.call('HDEL', key, 'permit')
  return { 'wait', wait[1], wait[2] }
end
if first then
  move_permit(l, member, cost, reserved)
else
  let_go(gate, member, cost)
  close_gate(gate)
end
redis.call('HDEL', key, 'permit')
return { 'go', (l.count or 0) + l.new, l.granted }
