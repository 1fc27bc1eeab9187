-- Test: calls the budget's functions, at a time of the test's choice.
-- KEYS  1 root
-- ARGV  1 call  2 now_ms; of a release what hold returned  3 user  4 tokens  5 micros  6… limits  |  'periods'  2… now_ms
-- Returns what the call returned, as texts
-- @include "queue/keys"
-- @include "budget/in_force"
-- @include "budget/budget"
-- @include "budget/hold"

local b = budget()
local call, at, user, tokens, micros = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if call == 'periods' then
  local periods = {}
  for i = 2, #ARGV do
    local day_ends, month_ends = b.ends(ARGV[i])
    periods[i - 1] = { b.day_of(ARGV[i]), day_ends, month_ends }
  end
  return periods
end
if call == 'release' then
  b.release(at ~= '' and at, user, tokens, micros)
  return {}
end
local now = tonumber(at)
if call == 'spend' then
  b.spend(now, user, tokens, micros)
  return {}
end
-- As a call ends that timed out.
if call == 'assume' then
  b.spend(now, user, tokens, micros)
  b.assume(now, user, tokens, micros)
  return {}
end
-- As a job is accepted.
local limits, killed = budget_limits({ ARGV[6], ARGV[7], ARGV[8], ARGV[9] })
if killed then return killed end
local books = holding(now)
local refused, standing = books.refusal(user, tokens, micros, limits)
if refused then return refused end
local day = books.hold(standing)
books.keep()
return { 'held', day }
