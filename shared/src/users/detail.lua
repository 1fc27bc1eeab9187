-- Reads what is known of a user.
-- KEYS  1 root
-- ARGV  1 '' (no queue)  2 user  3 days to tell of, with today
-- Returns {'user', suspension ('': none), jobs in the user's list, {field, value, …}, {day, tokens, micros, held tokens,
--         held micros, assumed tokens, assumed micros}, …}: the days newest first
-- @include "queue/keys"
-- @include "budget/budget"
-- @include "users/track"

local user, now, b, track = ARGV[2], now_ms(), budget(), tracking()
local known = redis.pcall('HGETALL', track.user(user))
local reply = { 'user', redis.call('HGET', root .. ':suspended', user) or '', redis.call('ZCARD', root .. ':jobs_of:' .. user),
  known.err and {} or known }
for n = 0, tonumber(ARGV[3]) - 1 do
  local day = b.day_of(now - n * track.day_ms)
  local spent = b.counted(b.of_user(day, user))
  local row = { day }
  for i = 1, 6 do row[i + 1] = spent[i] or '0' end
  reply[#reply + 1] = row
end
return reply
