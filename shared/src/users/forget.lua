-- Forgets what a user did, and what was spent before today. What was spent today is forgotten when the day ends: a new budget is
-- not to be had by this.
-- KEYS  1 root
-- ARGV  1 '' (no queue)  2 user
-- Returns {'forgotten'}
-- @include "queue/keys"
-- @include "budget/budget"
-- @include "users/track"

local user, now, b, track = ARGV[2], now_ms(), budget(), tracking()
-- As many days as budget.lua keeps.
local SPEND_DAYS = 8

redis.call('UNLINK', track.user(user))
mend('ZREM', root .. ':users', user)
for n = 1, SPEND_DAYS do redis.call('UNLINK', b.of_user(b.day_of(now - n * track.day_ms), user)) end
local day_ends = b.ends(now)
redis.call('PEXPIREAT', b.of_user(b.day_of(now), user), day_ends)
return { 'forgotten' }
