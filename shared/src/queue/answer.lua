-- Fragment of enqueue: whether the user may ask at all, and the forms of the answer. Needs enqueue_head.lua, share.lua, listed.lua,
-- users/track.lua and request_limits/windows.lua.

-- What was accepted under the idempotency key, or that something else was, and that the user may not ask: none of that costs a
-- request.
local known, mismatch
local before = asked and mend('GET', root .. ':idempotency:' .. asked)
if before then
  local job, request = string.match(before, '^(%S+) (%S+)$')
  mismatch = request and request ~= ARGV[18]
  known = state_of(job) and job
end
local suspended = not known and redis.call('HEXISTS', root .. ':suspended', user) == 1
local over, standings = count_against_limits(not (known or mismatch or suspended), 28, now)

local function reply(word, about, more)
  local ahead = listed and unfinished - redis.call('ZCARD', of_queue('leases')) or 0
  return { word, about or '', more or '', text(ahead), text(now), text(over or 0), unpack(standings) }
end

-- The answer about `job`, whom a repeat under the same idempotency key gets, too.
local function answer(job, word, about)
  if listed and word ~= 'known' then list(user, job, now, word) end
  if asked then remember(asked, job, ARGV[18], ARGV[19]) end
  return reply(word, about)
end

-- The answer that there is no job, and why.
local function refuse(word, about, more)
  if listed then count_refusal(user, now, word) end
  return reply(word, about, more)
end
