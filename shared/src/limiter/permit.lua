-- Fragment: permits in the log. Needs window.lua.

-- Reserves a permit for one call; `keep_grants` writes it down.
local function grant(l, member, cost)
  l.new = l.new + 1
  l.tokens = l.tokens + cost
  table.insert(l.grants, { member, cost })
end

local function keep_grants(l)
  if not l.grants[1] then return end
  local log, reserved, entries, costs, sum = of_group('permits', l.group), of_group('reserved', l.group), {}, {}, 0
  for _, permit in ipairs(l.grants) do
    table.insert(entries, text(l.now))
    table.insert(entries, permit[1])
    if permit[2] > 0 then
      table.insert(costs, permit[1])
      table.insert(costs, text(permit[2]))
      sum = sum + permit[2]
    end
  end
  if l.logged then
    redis.call('ZADD', log, unpack(entries))
    redis.call('PEXPIRE', log, text(l.span))
    if sum > 0 then
      redis.call('HSET', reserved, unpack(costs))
      redis.call('PEXPIRE', reserved, text(l.span))
      redis.call('HINCRBY', l.key, 'tokens', text(sum))
    end
  end
  l.granted = redis.call('HINCRBY', l.key, 'granted', #l.grants)
end

-- Moves a permit to now: it counts from the moment at which its call is made. What is in the window stays as many, so
-- no window that ends later can hold more than the limit.
local function move_permit(l, member, cost, reserved)
  if not l.logged then return end
  local log = of_group('permits', l.group)
  redis.call('ZADD', log, 'XX', text(l.now), member)
  redis.call('PEXPIRE', log, text(l.span))
  if cost == reserved then return end
  redis.call('HSET', of_group('reserved', l.group), member, text(cost))
  redis.call('PEXPIRE', of_group('reserved', l.group), text(l.span))
  redis.call('HINCRBY', l.key, 'tokens', text(cost - reserved))
end
