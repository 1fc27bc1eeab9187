-- Takes up that a process has seen Redis' clock step. A process may be wrong: it was paused with its machine, whose clocks stood
-- still. The step is believed where another process has seen it too, where nobody else lives who could, or where what this
-- Redis has written lies ahead of its own clock.
-- KEYS  1 root
-- ARGV  1 queue  2 process  3 group  4 by how many ms the clock is ahead of what was expected  5 lease_ms  6 steps that the
--       process knows of ('': it was never told)
-- Returns {'step', `believed`, `known` (believed before) or `refuted`: the clock is right from now on; or `open`: report again;
--         steps that were believed}
-- @include "queue/keys"
-- @include "limiter/skew"
-- @include "queue/outage"
-- @include "limiter/forget_times"

local process, group, lease = ARGV[2], ARGV[3], tonumber(ARGV[5])
-- Two processes have seen the same step where they differ by no more than this.
local ALIKE_MS = 2000
-- A report counts for this long.
local REPORT_TTL_MS = 60000
-- Of so many steps it is known how long they were.
local REMEMBERED = 8
local now, key, epoch = now_ms(), root .. ':step:' .. group, root .. ':epoch'
write_though_full()

local function alike(one, other) return math.abs(one - other) <= ALIKE_MS end

-- What of the process' skew was not believed before: it has missed the steps after those that it knows of.
local function news_of(skew, known, steps)
  local news = skew
  for step = (known or steps) + 1, steps do
    local missed = tonumber(redis.call('HGET', epoch, 'skew:' .. group .. ':' .. text(step)))
    if not missed then return skew end
    news = news - missed
  end
  return news
end

local function is_believed(skew)
  local order = redis.call('HMGET', of_queue('order'), 'seen', 'went_back')
  local seen, went_back = tonumber(order[1]), tonumber(order[2])
  local ran_back = seen and seen > now + ALIKE_MS or went_back and math.abs(now - went_back) < SEEN_BY_ALL_MS
  if skew < 0 and ran_back then return true end
  local f, own, first, agreed = redis.call('HGETALL', key), nil, nil, false
  for i = 1, #f, 2 do
    local its_skew, its_first = string.match(f[i + 1], '^(%S+) (%S+)$')
    if f[i] == process then
      own, first = tonumber(its_skew), tonumber(its_first)
    elseif f[i] == 'agreed' then
      agreed = true
    elseif its_skew and alike(tonumber(its_skew), skew) then
      return true
    end
  end
  if not own or not alike(own, skew) or first > now then
    redis.call('HSET', key, process, text(skew) .. ' ' .. text(now))
    redis.call('HSETNX', key, 'since', text(now))
    redis.call('PEXPIRE', key, text(REPORT_TTL_MS))
    return false
  end
  if agreed then return nil end
  return redis.call('ZCARD', root .. ':workers:' .. queue) <= 1 or now - first >= SEEN_BY_ALL_MS
end

local steps, known = tonumber(redis.call('HGET', epoch, 'steps:' .. group)) or 0, tonumber(ARGV[6])
local skew = news_of(tonumber(ARGV[4]), known, steps)
if known and known < steps and alike(skew, 0) then return { 'step', 'known', steps } end
local believed = is_believed(skew)
if believed == false then return { 'step', 'open', steps } end
redis.call('DEL', key)
if believed == nil then return { 'step', 'refuted', steps } end
steps = redis.call('HINCRBY', epoch, 'steps:' .. group, 1)
redis.call('HSET', epoch, 'stepped:' .. group, text(now), 'skew:' .. group .. ':' .. text(steps), text(skew))
redis.call('HDEL', epoch, 'skew:' .. group .. ':' .. text(steps - REMEMBERED))
forget_times(group, now, skew)
hold_leases(now, lease, group, '-inf')
if skew > 0 then later_deadlines(now, skew) else earlier_jobs(now, skew) end
return { 'step', 'believed', steps }
