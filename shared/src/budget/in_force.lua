-- Fragment: what of the budget is limited. Needs keys.lua.
-- `budget` has the kill switch and the limits that an operator has set, which win over the configured ones. 0 is no limit.

-- The limits in force, in the order in which they are passed. While the kill switch is thrown: nil and {'killed', reason}.
local function budget_limits(configured)
  local set = redis.call('HMGET', root .. ':budget', 'kill', 'reason', 'user_tokens_per_day', 'user_micros_per_day',
    'fleet_tokens_per_month', 'fleet_micros_per_month')
  if set[1] then return nil, { 'killed', set[2] or '' } end
  local limits = {}
  for i = 1, 4 do limits[i] = tonumber(set[i + 2]) or tonumber(configured[i]) or 0 end
  return limits
end
