-- Fragment of end: what the upstream teaches about its limit. Needs window.lua.

-- A refusal that does not say how long doubles the pause, from the first of these to the last.
local PAUSE_MS, PAUSE_MAX_MS = 1000, 30000
-- Windows until a learned limit is widened; twice as many each time that it was found again.
local HOLD_WINDOWS, HOLD_WINDOWS_MAX = 4, 64

-- Takes up the rate headers of an answer: the limits, and what was left of the requests. What is left counts as of the
-- call's arrival, so own calls since are not mistaken for those of others.
local function heed_headers(l, limit, remaining, token_limit, seen, granted)
  if limit and limit ~= l.announced_rpm then redis.call('HSET', l.key, 'announced_rpm', text(limit)) end
  if token_limit and token_limit ~= l.announced_tpm then redis.call('HSET', l.key, 'announced_tpm', text(token_limit)) end
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
  local refused = of_group('refused', l.group)
  redis.call('ZREMRANGEBYSCORE', refused, '-inf', text(l.now - l.span))
  local accepted = l.count - redis.call('ZCARD', refused)
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
