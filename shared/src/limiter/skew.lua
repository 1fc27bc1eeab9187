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
