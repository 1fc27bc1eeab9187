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
