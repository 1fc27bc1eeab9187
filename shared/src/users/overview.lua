-- Reads who was seen lately, newest first, and how many there are. Users that are no longer known leave the list as they are met.
-- KEYS  1 root
-- ARGV  1 '' (no queue)  2, 3 the last user of the page before, and when that one was seen ('': the first page)  4 most users
-- Returns {'overview', day, users known, users suspended, unique today, unique in the last 7 days, {figures of today},
--         the last user that was looked at ('': there are no more), when that one was seen,
--         {user, suspension ('': none), {field, value, …}}, …}
-- @include "queue/keys"
-- @include "budget/budget"
-- @include "users/track"

local after, at, most = ARGV[2], ARGV[3], tonumber(ARGV[4])
local users, now, track = root .. ':users', now_ms(), tracking()
local WEEK_DAYS = 7

local week = {}
for n = 0, WEEK_DAYS - 1 do week[#week + 1] = track.day('unique', now - n * track.day_ms) end
local page = { 'overview', budget().day_of(now), redis.call('ZCARD', users), redis.call('HLEN', root .. ':suspended'),
  redis.call('PFCOUNT', week[1]), redis.call('PFCOUNT', unpack(week)), redis.call('HGETALL', track.day('day', now)), '', '' }

local from = 0
if after ~= '' then
  from = redis.call('ZCOUNT', users, '(' .. at, '+inf')
  -- Of those that were seen in the same millisecond, the last by name were first.
  local tied = redis.call('ZRANGEBYSCORE', users, at, at, 'LIMIT', 0, 1000)
  for i, user in ipairs(tied) do
    if user == after then from = from + #tied - i + 1 end
  end
end
local entries, gone = redis.call('ZREVRANGE', users, from, from + most, 'WITHSCORES'), {}
for i = 1, #entries, 2 do
  if i > 2 * most then
    page[8], page[9] = entries[i - 2], entries[i - 1]
    break
  end
  local user = entries[i]
  local known = redis.pcall('HGETALL', track.user(user))
  if known[1] then
    page[#page + 1] = { user, redis.call('HGET', root .. ':suspended', user) or '', known }
  else
    gone[#gone + 1] = user
  end
end
if gone[1] then redis.call('ZREM', users, unpack(gone)) end
return page
