-- Names the jobs whose results the completed jobs in one page have come to, where these are not their own.
-- KEYS  1 root
-- ARGV  1 queue  2 where the page begins ('0': the first)  3 about how many entries it has
-- Returns {'page', where the next one begins ('0': there is none), job whose result it is, …}
-- @include "queue/keys"

local page = redis.pcall('ZSCAN', of_queue('done'), ARGV[2], 'COUNT', ARGV[3])
if page.err then return { 'page', '0' } end
local reply = { 'page', page[1] }
for i = 1, #page[2], 2 do
  local of = redis.pcall('HGET', of_job('job', page[2][i]), 'result_of')
  if type(of) == 'string' and of ~= page[2][i] then reply[#reply + 1] = of end
end
return reply
