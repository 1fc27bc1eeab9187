-- A page of a user's jobs, newest first. Jobs that are no longer kept leave the list as they are met, unless their result still
-- is: erasing finds it by them.
-- KEYS  1 root
-- ARGV  1 '' (no queue)  2 user  3, 4 the last job of the page before and when it was accepted ('': the first page)
--       5 most jobs  6 state that they have ('': any)  7 kind ('': any)
-- Returns {'page', '', '', id, …} | {'page', the last job that was looked at, when it was accepted, id, …}: there may be more
-- @include "queue/keys"

local list, after, at, most, state, kind = root .. ':jobs_of:' .. ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5]), ARGV[6], ARGV[7]
-- Jobs that one page looks at: a rare state is found in steps.
local LOOK_MOST = 500

local from = 0
if after ~= '' then
  from = redis.call('ZCOUNT', list, '(' .. at, '+inf')
  -- Of those that were accepted in the same millisecond, the list has the greatest id first.
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', list, at, at)) do
    if id >= after then from = from + 1 end
  end
end
local page, gone = { 'page', '', '' }, {}
local entries = redis.call('ZREVRANGE', list, from, from + LOOK_MOST, 'WITHSCORES')
for i = 1, #entries, 2 do
  if i > 2 * LOOK_MOST or #page - 3 >= most then
    page[2], page[3] = entries[i - 2], entries[i - 1]
    break
  end
  local id = entries[i]
  local job = redis.pcall('HMGET', of_job('job', id), 'state', 'kind')
  if not job[1] then
    if redis.call('EXISTS', of_job('result', id)) == 0 then gone[#gone + 1] = id end
  elseif (state == '' or job[1] == state) and (kind == '' or job[2] == kind) then
    page[#page + 1] = id
  end
end
if gone[1] then redis.call('ZREM', list, unpack(gone)) end
return page
