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
