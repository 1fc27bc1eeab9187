-- Takes up that a process has seen Redis' clock step. A process may be wrong: it was paused with its machine, whose clocks stood
-- still. The step is believed where another process has seen it too, where nobody else lives who could, or where what this
-- Redis has written lies ahead of its own clock.
-- KEYS  1 root
-- ARGV  1 queue  2 process  3 group  4 by how many ms the clock is ahead of what was expected  5 lease_ms  6 steps that the
--       process knows of ('': it was never told)
-- Returns {'step', `believed`, `known` (believed before) or `refuted`: the clock is right from now on; or `open`: report again;
--         steps that were believed}
-- Fragment: every key and the clock. KEYS[1] is the root; `Keys` in shared/src/redis/keys.rs names the same keys.
local root = KEYS[1]
local queue = ARGV[1]

local function of_job(name, id) return root .. ':' .. name .. ':' .. id end
local function of_queue(name) return root .. ':' .. name .. ':' .. queue end
local function of_lane(name, lane) return root .. ':' .. name .. ':' .. queue .. ':' .. lane end
local function of_line(lane, class) return of_lane('waiting', lane) .. ':' .. class end

-- A whole number as a command takes it. Redis formats a Lua number as a double, which is slow; the time, which most scripts write
-- in several places, is formatted once.
local now_known, now_text
local function text(number) return number == now_known and now_text or string.format('%d', number) end

-- Milliseconds since the Unix epoch: Redis' clock is the only one that decides anything.
local function now_ms()
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  now_known, now_text = now, string.format('%d', now)
  return now
end

-- Redis refuses the first write of a script while its memory is full, and no later one. What ends jobs, and frees memory with
-- that, begins with a write that needs none.
local function write_though_full() redis.call('DEL', root .. ':probe') end

-- The whole number that a field of a stored job holds; nil where it is none that could be ours.
local function whole_number(field)
  if field and #field <= 15 and string.find(field, '^%d+$') then return tonumber(field) end
end

-- Runs a command on a key that jobs can do without: something else that stands there makes room.
local function mend(command, key, ...)
  local reply = redis.pcall(command, key, ...)
  if type(reply) ~= 'table' or not reply.err then return reply end
  if string.find(reply.err, 'WRONGTYPE', 1, true) then redis.call('UNLINK', key) end
  return redis.call(command, key, ...)
end
-- Fragment: whether Redis' clock says what the caller expects of it.

-- What differs by more is a step.
local STEP_MS = 2000
-- After this time every process that lives has said what it sees.
local SEEN_BY_ALL_MS = 12000

-- Milliseconds by which Redis' clock is ahead of what the caller expects (`expected`, '' where it does not know yet); nil where
-- that is no step. A message that was long on its way looks like a step forward: no permit is given on either.
local function skew_of(now, expected)
  local skew = expected and expected ~= '' and now - tonumber(expected)
  if skew and math.abs(skew) > STEP_MS then return skew end
end
-- Fragment: jobs outlive a time in which nobody could renew a lease: Redis was away, frozen or cut off, or its clock has
-- stepped. Needs keys.lua and limiter/skew.lua.
-- Their workers go on with them and come back with what is paid for, so they have one lease to do that in.

-- The time of the last script that saw the leases is written this often, and at least eight times a lease.
local SEEN_MS = 1000
-- A clock that runs back by more has stepped.
local BACK_MS = 2000
-- Members that one command moves.
local AT_ONCE = 500

-- Sets the score of every member of a sorted set by `score_of(score)`; nil leaves it as it is.
local function move_all(key, from, to, score_of)
  local members = redis.call('ZRANGEBYSCORE', key, from, to, 'WITHSCORES')
  local moved = {}
  for i = 1, #members, 2 do
    moved[#moved + 1] = text(score_of(tonumber(members[i + 1])))
    moved[#moved + 1] = members[i]
    if #moved >= 2 * AT_ONCE or i + 2 > #members then
      redis.call('ZADD', key, 'XX', unpack(moved))
      moved = {}
    end
  end
end

-- No lease that ends after `from` lapses for one lease from now. `group`: whose slots these jobs hold ('': nobody's).
local function hold_leases(now, lease, group, from)
  local function a_lease_from_now() return now + lease end
  move_all(of_queue('leases'), from, '+inf', a_lease_from_now)
  if group ~= '' then move_all(root .. ':inflight:' .. group, from, '+inf', a_lease_from_now) end
  redis.call('HSET', of_queue('order'), 'seen', text(now))
end

-- The clock went forward: deadlines that passed with it are as far away as they were.
local function later_deadlines(now, skew)
  move_all(of_queue('deadlines'), text(now - skew), text(now), function(at) return at + skew end)
end

-- The clock went back: jobs that wait for a time have no longer to wait for it than before.
local function earlier_jobs(now, skew)
  local order = of_queue('order')
  local f = redis.call('HMGET', order, 'went_back', 'lost')
  local before, lost = tonumber(f[1]), tonumber(f[2])
  if before and math.abs(now - before) < SEEN_BY_ALL_MS then return end
  redis.call('HSET', order, 'went_back', text(now))
  move_all(of_queue('scheduled'), text(now), '+inf', function(at) return math.max(at + skew, now) end)
  if lost and lost > now then redis.call('HSET', order, 'lost', text(now)) end
end

-- Notes that leases are looked after, and holds them where nobody has for more than half a lease.
local function heed_outage(now, lease, group)
  local order = of_queue('order')
  local seen = tonumber(redis.call('HGET', order, 'seen'))
  local gap = seen and now - seen or 0
  if seen and gap < math.min(SEEN_MS, lease / 8) and gap >= -BACK_MS then return end
  if gap > lease / 2 or gap < -BACK_MS then
    -- What had lapsed before that was looked after.
    hold_leases(now, lease, group, gap > 0 and '(' .. text(seen) or '-inf')
    if gap < 0 then earlier_jobs(now, gap) end
  else
    redis.call('HSET', order, 'seen', text(now))
  end
end
-- Fragment: what a group knows by times that mean nothing any more. Needs keys.lua.

-- What ends at a time. All of these are shorter than a window or a pause, after which they would be worked out anew.
local ENDS = { 'pause_until', 'warm_until', 'room_until', 'hold_until', 'watch_until', 'overuse_until', 'episode', 'taught_at' }

-- Brings what lies ahead of `now` back by `skew` ms, where the clock has gone back by that much, and no further than now.
local function bring_back(key, fields, now, skew)
  local f = redis.call('HMGET', key, unpack(fields))
  for i, name in ipairs(fields) do
    local at = tonumber(f[i])
    if at and at > now then redis.call('HSET', key, name, text(math.max(at + math.min(skew, 0), now))) end
  end
end

-- Empties the windows of a group: whoever calls this sees to it that no permit is given for one window.
local function forget_times(group, now, skew)
  local key = root .. ':limiter:' .. group
  redis.call('DEL', root .. ':permits:' .. group, root .. ':reserved:' .. group, root .. ':refused:' .. group)
  if redis.call('HEXISTS', key, 'rpm') == 1 then redis.call('HSET', key, 'tokens', '0') end
  redis.call('HDEL', key, 'next_at', 'why', 'passed', 'booked', 'booked_until')
  bring_back(key, ENDS, now, skew)
  bring_back(root .. ':breaker:' .. string.match(group, '^[^:]+'), { 'until', 'probe_until' }, now, skew)
end

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
