-- Fragment of end: calls that use more tokens than they reserved. Needs window.lua.
-- `used_mean` and `reserved_mean` are moving means over about eight calls; where calls use more than was estimated, reservations
-- are scaled by used / reserved (`scaled` in window.lua), until no call has done so for ten windows.

local MEAN_OVER, KEPT_WINDOWS = 8, 10

-- Puts the real use of a call in the place of its reservation, where it is more; and where it is less, if `cut`. Whether room was
-- made.
local function settle_tokens(l, member, used, estimated, cut)
  if not (l.tpm and used) then return false end
  local reserved = tonumber(redis.call('HGET', of_group('reserved', l.group), member))
  if reserved and (used > reserved or cut and used < reserved) then
    redis.call('HSET', of_group('reserved', l.group), member, text(used))
    redis.call('HINCRBY', l.key, 'tokens', text(used - reserved))
  end
  if estimated and estimated > 0 and (used > estimated or l.overuse) then
    local weight = l.overuse and MEAN_OVER or 1
    local u, r = l.used_mean + (used - l.used_mean) / weight, l.reserved_mean + (estimated - l.reserved_mean) / weight
    redis.call('HSET', l.key, 'used_mean', string.format('%.3f', u), 'reserved_mean', string.format('%.3f', r))
    if used > estimated then redis.call('HSET', l.key, 'overuse_until', text(l.now + KEPT_WINDOWS * l.window)) end
  end
  return cut and reserved and used < reserved or false
end
