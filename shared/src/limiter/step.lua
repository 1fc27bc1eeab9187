-- Takes up that a process has seen Redis' clock step. A process may be wrong: it was paused with its machine, whose clocks stood
-- still. The step is believed where another process has seen it too, where nobody else lives who could, or where what this
-- Redis has written lies ahead of its own clock.
-- KEYS  1 root
-- ARGV  1 queue  2 process  3 group  4 by how many ms the clock is ahead of what was expected  5 lease_ms  6 how long ago, in ms
--       by the process' clock, the two agreed last  7 steps that the process knows of ('': none yet)
-- Returns {'step', `believed`, `known` (believed before) or `refuted`: the clock is right from now on; or `open`: report again;
--         steps that were believed}
-- @include "queue/keys"
-- @include "queue/outage"
-- @include "limiter/forget_times"

local process, group, skew, lease = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
-- Two processes have seen the same step where they differ by no more than this.
local ALIKE_MS = 2000
-- A report counts for this long.
local REPORT_TTL_MS = 60000
local now, key, epoch = now_ms(), root .. ':step:' .. group, root .. ':epoch'
write_though_full()

local function is_believed()
  local order = redis.call('HMGET', of_queue('order'), 'seen', 'went_back')
  local seen, went_back = tonumber(order[1]), tonumber(order[2])
  local ran_back = seen and seen > now + ALIKE_MS or went_back and math.abs(now - went_back) < SEEN_BY_ALL_MS
  if skew < 0 and ran_back then return true end
  local f = redis.call('HMGET', key, 'process', 'skew', 'first', 'agreed')
  local first = tonumber(f[3])
  if not first or first > now or math.abs(tonumber(f[2]) - skew) > ALIKE_MS then
    redis.call('DEL', key)
    redis.call('HSET', key, 'process', process, 'skew', text(skew), 'first', text(now))
    redis.call('PEXPIRE', key, text(REPORT_TTL_MS))
    return false
  end
  if f[1] ~= process then return true end
  if f[4] then return nil end
  return redis.call('ZCARD', root .. ':workers:' .. queue) <= 1 or now - first >= SEEN_BY_ALL_MS
end

local steps, known = tonumber(redis.call('HGET', epoch, 'steps:' .. group)) or 0, tonumber(ARGV[7])
-- One that was believed since the clock and the process agreed last is the one that it sees.
local since_step = now - (tonumber(redis.call('HGET', epoch, 'stepped:' .. group)) or 0)
local may_be_news = known and known >= steps
if not may_be_news and since_step >= 0 and since_step <= tonumber(ARGV[6]) then return { 'step', 'known', steps } end
local believed = is_believed()
if believed == nil then
  redis.call('DEL', key)
  return { 'step', 'refuted', steps }
end
if not believed then return { 'step', 'open', steps } end
redis.call('DEL', key)
redis.call('HSET', epoch, 'stepped:' .. group, text(now))
forget_times(group, now, skew)
hold_leases(now, lease, group, '-inf')
if skew > 0 then later_deadlines(now, skew) else earlier_jobs(now, skew) end
return { 'step', 'believed', redis.call('HINCRBY', epoch, 'steps:' .. group, 1) }
