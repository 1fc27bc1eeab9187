-- Fragment: what the upstream teaches about its limit. Needs window.lua.
-- Two things narrow the window of requests: what the upstream announces and leaves of it (`room`, for one window), and
-- what it refuses (`learned_rpm`, which is widened again step by step).

-- Before anything has succeeded within a window, at most this many calls are let go in this many ms: so many, and not
-- all, run into an upstream that refuses everything.
local COLD_CALLS, COLD_MS = 10, 500
-- A refusal that does not say how long doubles the pause, from the first of these to the last.
local PAUSE_MS, PAUSE_MAX_MS = 1000, 30000
-- After a pause one call is let go, and the next one after this time, until one succeeds.
local TRIAL_MS = 2000
-- Windows until a learned limit is widened; twice as many each time that it was found again.
local HOLD_WINDOWS, HOLD_WINDOWS_MAX = 4, 64
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

-- Takes up the rate headers of an answer: the limits, and what was left of the requests. What is left counts as of the
-- call's arrival, so own calls since are not mistaken for those of others.
local function heed_headers(l, limit, remaining, token_limit, seen, granted)
  if l.tpm then
    if token_limit and token_limit < l.tpm then
      redis.call('HSET', l.key, 'header_tpm', text(token_limit))
    elseif token_limit and l.header_tpm then
      redis.call('HDEL', l.key, 'header_tpm')
    end
  end
  if not l.rpm or not limit then return end
  local others = remaining and math.max(limit - remaining - seen - (l.granted - granted), 0) or 0
  local room = math.max(limit - others, 1)
  if room < l.configured_rpm then
    redis.call('HSET', l.key, 'room', text(room), 'room_until', text(l.now + l.window))
  elseif l.room then
    redis.call('HDEL', l.key, 'room', 'room_until')
  end
end

-- Notes that there were as many calls as the learned limit allows.
local function note_reached(l)
  if l.reached or l.rpm ~= l.learned then return end
  l.reached = true
  redis.call('HSET', l.key, 'reached', '1')
end

-- Learns a limit from a refusal: as many as the upstream has accepted within the window, though not less than half of what
-- was known before. Calls under way count as accepted until they are refused as well. An upstream that accepts next to
-- nothing has another reason than a limit, and teaches none.
local function learn_limit(l, fresh)
  local f = redis.call('HMGET', l.key, 'hold', 'base', 'prior')
  local hold, base, prior = tonumber(f[1]) or HOLD_WINDOWS, tonumber(f[2]), f[3]
  if fresh then
    base, prior = l.learned or l.configured_rpm, l.learned and text(l.learned) or ''
    if l.learned then hold = math.min(hold * 2, HOLD_WINDOWS_MAX) end
    redis.call('HSET', l.key, 'hold', hold, 'base', text(base), 'prior', prior)
  end
  if not base then return end
  local accepted = l.count - redis.call('ZCARD', of_group('refused', l.group))
  local found = math.max(accepted, math.ceil(base / 2), 1)
  if accepted * 10 < base or found >= base then found = tonumber(prior) end
  if found then
    redis.call('HSET', l.key, 'learned_rpm', text(found), 'sure_rpm', text(found), 'reached', '0', 'step', '0',
      'hold_until', text(l.now + hold * l.window))
  else
    redis.call('HDEL', l.key, 'learned_rpm', 'sure_rpm', 'reached', 'hold_until', 'step')
  end
end

-- Takes up a refusal (429) of a call that was let go at `begun`. Refusals of calls from before the last one that counted
-- are the same pause, and tell nothing new but how many there are.
local function heed_refusal(l, member, begun, retry_after)
  local fresh = begun > (tonumber(redis.call('HGET', l.key, 'episode')) or 0)
  local pause = l.now + (retry_after or 0)
  if fresh then
    l.refusals = l.refusals + 1
    pause = math.max(pause, l.now + math.min(PAUSE_MS * 2 ^ (l.refusals - 1), PAUSE_MAX_MS))
    redis.call('HSET', l.key, 'episode', text(l.now), 'refusals', l.refusals)
  end
  redis.call('HSET', l.key, 'pause_until', text(math.max(pause, l.pause_until)))
  redis.call('HDEL', l.key, 'warm_until')
  if not l.configured_rpm then return end
  redis.call('ZADD', of_group('refused', l.group), text(begun), member)
  redis.call('PEXPIRE', of_group('refused', l.group), text(l.span))
  -- Only the first of a row of refusals says where the limit is: the others say that there is none to be had.
  if l.refusals == 1 then learn_limit(l, fresh) end
end

-- Takes up that the upstream has answered a call that was let go at `begun`; whether more may go than before.
local function heed_success(l, begun)
  redis.call('HSET', l.key, 'warm_until', text(l.now + l.window))
  local over = l.refusals > 0 and begun > (tonumber(redis.call('HGET', l.key, 'episode')) or 0)
  if over then redis.call('HSET', l.key, 'refusals', '0', 'pause_until', '0') end
  return over or l.cold
end
