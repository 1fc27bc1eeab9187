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
