-- A worker announces the limits that it was started with. The limits in force are an operator's, else the lowest that a live
-- worker announces: of two settings in a rolling deploy the fleet keeps to the smaller one, and never to their sum.
-- KEYS  1 root
-- ARGV  1 group  2 worker  3 ttl_ms (0: withdraws)  4 window_ms  5 guard_ms  6 rpm  7 rps  8 tpm  9 concurrency  10 age of its
--       last call in ms (-1: it has made none)  11 '1': a new Redis is to give no permit for a whole window  12 what it expects
--       Redis' clock to say ('': it does not know yet)  13 for how many ms it has expected that  14 queue  15… what the worker
--       says of itself, as workers/register.lua has it (14 and on may be missing)
-- Returns {'announced', now_ms, steps of the clock that were believed, 'in_force', differ (1 or 0), window_ms, guard_ms, rpm, rps,
--         tpm, concurrency}
-- @include "queue/keys"
-- @include "limiter/in_force"
-- @include "limiter/epoch"
-- @include "limiter/skew"
-- @include "workers/register"

local group, worker, ttl = ARGV[1], ARGV[2], tonumber(ARGV[3])
local announced = root .. ':announced:' .. group
local now = now_ms()
local own = worker
for i = 4, 9 do own = own .. ' ' .. ARGV[i] end
write_though_full()
if ttl > 0 then
  redis.call('ZADD', announced, text(now + ttl), own)
  redis.call('PEXPIRE', announced, text(ttl))
else
  redis.call('ZREM', announced, own)
end
if ARGV[14] then
  register(ARGV[14], worker, ttl, now, { ARGV[15], ARGV[16], ARGV[17], ARGV[18], ARGV[19], ARGV[20], ARGV[21], ARGV[22] })
end
-- A worker that has known the time since before another one saw a step says so where it sees none.
local step = root .. ':step:' .. group
local since = tonumber(redis.call('HGET', step, 'since'))
if since and ARGV[12] ~= '' and not skew_of(now, ARGV[12]) and tonumber(ARGV[13]) >= now - since + SEEN_BY_ALL_MS then
  redis.call('HSET', step, 'agreed', text(now))
end
local reply = in_force(group, now)
if ttl > 0 and reply[3] then
  -- From here on a new Redis waits for reports, and not only from the first job on.
  until_trusted(group, now, reply[3] + reply[4])
  report_last_call(now, tonumber(ARGV[10]), ARGV[11] == '1')
end
local steps = tonumber(redis.call('HGET', root .. ':epoch', 'steps:' .. group)) or 0
return { 'announced', text(now), steps, unpack(reply) }
