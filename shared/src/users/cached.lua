-- Names the results in one page of those that answer for the same work that jobs of a user have come to, whether or not the jobs
-- are still kept.
-- KEYS  1 root
-- ARGV  1 '' (no queue)  2 user  3 where the page begins ('0': the first)  4 about how many entries it has
-- Returns {'page', where the next one begins ('0': there is none), job, digest of its work, …}
-- @include "queue/keys"
-- @include "queue/share"
-- @include "queue/result"

local owner = redis.sha1hex(ARGV[2])
local page = redis.pcall('ZSCAN', root .. ':cached', ARGV[3], 'COUNT', ARGV[4])
if page.err then return { 'page', '0' } end
local reply = { 'page', page[1] }
for i = 1, #page[2], 2 do
  local digest, id = cached_entry(page[2][i])
  local job, _, by = read_answer(digest and mend('GET', of_answer(digest)))
  if job == id and by == owner then
    reply[#reply + 1] = id
    reply[#reply + 1] = digest
  end
end
return reply
