-- Names the jobs of a user in one page of an index, however large that is.
-- KEYS  1 root
-- ARGV  1 queue  2 user  3 index: deadlines | done | dead, or jobs_of: the user's own list, which also has jobs that are gone
--       4 where the page begins ('0': the first)  5 about how many entries it has
-- Returns {'page', where the next one begins ('0': there is none), id, …}
-- @include "queue/keys"

local user, own = ARGV[2], ARGV[3] == 'jobs_of'
local index = own and root .. ':jobs_of:' .. user or of_queue(ARGV[3])
local page = redis.pcall('ZSCAN', index, ARGV[4], 'COUNT', ARGV[5])
if page.err then return { 'page', '0' } end
local reply = { 'page', page[1] }
for i = 1, #page[2], 2 do
  local id = page[2][i]
  local said = redis.pcall('HGET', of_job('job', id), own and 'queue' or 'user')
  if said == (own and queue or user) or own and type(said) ~= 'string' then reply[#reply + 1] = id end
end
return reply
