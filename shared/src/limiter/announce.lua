-- A worker announces the limits that it was started with. The limits in force are an operator's, else the lowest that a live
-- worker announces: of two settings in a rolling deploy the fleet keeps to the smaller one, and never to their sum.
-- KEYS  1 root
-- ARGV  1 group  2 worker  3 ttl_ms (0: withdraws)  4 window_ms  5 guard_ms  6 rpm  7 rps  8 tpm  9 concurrency  10 queue
--       11… what the worker says of itself, as workers/register.lua has it (10 and on may be missing)
-- Returns {'in_force', differ (1 or 0), window_ms, guard_ms, rpm, rps, tpm, concurrency}
-- @include "queue/keys"
-- @include "limiter/in_force"
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
if ARGV[10] then
  register(ARGV[10], worker, ttl, now, { ARGV[11], ARGV[12], ARGV[13], ARGV[14], ARGV[15], ARGV[16], ARGV[17], ARGV[18] })
end
return in_force(group, now)
