-- Reads the budget: switch, limits that an operator has set, and what is spent and held now.
-- KEYS  1 root
-- ARGV  1 user, where one is asked for
-- Returns {'budget', day, day_ends_ms, month_ends_ms, {kill, reason, since}, {limits that are set}, {fleet's tokens, micros,
--         held_tokens, held_micros, assumed_tokens, assumed_micros}, {user's, in the same order; or empty}}
-- @include "queue/keys"
-- @include "budget/budget"

local user = ARGV[1]
local now, b = now_ms(), budget()
local day = b.day_of(now)
local day_ends, month_ends = b.ends(now)

return { 'budget', day, day_ends, month_ends, redis.call('HMGET', b.key(), 'kill', 'reason', 'since'),
  redis.call('HMGET', b.key(), 'user_tokens_per_day', 'user_micros_per_day', 'fleet_tokens_per_month',
    'fleet_micros_per_month'),
  b.counted(b.of_fleet(day)), user and b.counted(b.of_user(day, user)) or {} }
