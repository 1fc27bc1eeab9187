-- Holds on to leases: each is pushed back by a full lease from now.
-- KEYS  1 root
-- ARGV  1 queue  2 lease_ms  3 group ('': no limit)  4… id, fence, id, fence, …
-- Returns {'lost', id, why, id, why, …}: the jobs that are no longer held under that fence; why: `ended`, or `taken` where
--         the job goes on without this holder
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

local now, lease = now_ms(), tonumber(ARGV[2])
local lease_end = text(now + lease)
local lost = { 'lost' }
write_though_full()
heed_outage(now, lease, ARGV[3])
for i = 4, #ARGV, 2 do
  local id = ARGV[i]
  local job = redis.pcall('HMGET', of_job('job', id), 'fence', 'state', 'group')
  local state = job[2]
  if job[1] == ARGV[i + 1] and state == 'active' then
    redis.call('ZADD', of_queue('leases'), 'XX', lease_end, id)
    if job[3] then redis.call('ZADD', root .. ':inflight:' .. job[3], 'XX', lease_end, id) end
  else
    lost[#lost + 1] = id
    lost[#lost + 1] = (state == 'waiting' or state == 'scheduled' or state == 'active') and 'taken' or 'ended'
  end
end
return lost
