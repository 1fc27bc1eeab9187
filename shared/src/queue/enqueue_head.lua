-- Accepts a job: all of it, or nothing. Work that was asked for before is not accepted once more: the answer names the job
-- that is there. Work that someone else is having done is followed, and work that was done lately is answered at once.
-- Whether the user and the address may ask is part of the same step: a request that counts has its answer.
-- KEYS  1 root
-- ARGV  1 queue  2 id  3 kind  4 lane  5 user  6 payload  7 delay_ms  8 deadline_ms (from now)  9 max_attempts
--       10 most jobs that may be unfinished  11 most bytes of their payloads  12 class  13 tokens of what is sent upstream,
--       estimated  14 completed_ttl_ms  15 digest of the work ('': it is never shared)  16 '1': it must be done anew
--       17 digest of the idempotency key and its user ('': none)  18 digest of the request  19 idempotency_ttl_ms
--       20 '1': its user's list shows it, and it counts as the user's  21, 22 tokens and micro-dollars that it may come to ('0':
--       only the kill switch stops it; '': nothing does)  23 to 26 limits of the budget  27 recording ('': none)
--       28… limits of requests, as windows.lua reads them
-- Returns {word, what it is about, more of it, jobs that wait before it (where it is listed), now, which limit of requests refuses
--         it (from 1; 0: none), then for each of those limits: how many requests are left, when there may be one more}; the first:
--         accepted | joined, leader | cached, whose result | known, id (the job that is there)
--       | limited | suspended | mismatch (the idempotency key was used for something else) | full, unfinished
--       | killed, reason | over, limit, when it begins anew in ms
local id, lane, user, class, payload = ARGV[2], ARGV[4], ARGV[5], ARGV[12], ARGV[6]
local delay, deadline_ms, completed_ttl = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[14])
local digest, fresh, listed, held = ARGV[15], ARGV[16] == '1', ARGV[20] == '1', ARGV[21] ~= '' and ARGV[21]
local recording = ARGV[27]
local asked = ARGV[17] ~= '' and ARGV[17]
local now, deadlines = now_ms(), of_queue('deadlines')
local unfinished = redis.call('ZCARD', deadlines)

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
