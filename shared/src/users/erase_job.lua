-- Erases a job that has ended, and all that is kept of it but its result, which others may have: that answers for nobody
-- anew, and is kept in mind on the user's list. Jobs that still wait for it get it first. Safe to repeat.
-- KEYS  1 root
-- ARGV  1 queue  2 id  3 user  4 digest of its work, where that is known ('': as the job says)  5 completed_ttl_ms  6 dead_ttl_ms
-- Returns {'erased', jobs: 1 or 0} | {'result', jobs} (all but its result) | {'running'} (it has to be cancelled first)
--       | {'more'} (jobs still wait for it: to be repeated) | {'other'} (it is another user's)
-- @include "queue/keys"
local id, user, completed_ttl, dead_ttl = ARGV[2], ARGV[3], ARGV[5], ARGV[6]

-- @include "queue/line"
-- @include "queue/rank"
-- @include "queue/slot"
-- @include "budget/budget"
-- @include "users/track"
-- @include "queue/share"
-- @include "queue/bury"
-- @include "queue/broken"
-- @include "queue/result"
-- @include "queue/pass_on"

local LIST_TTL_MS = '5184000000'
local key, followers, now, list = of_job('job', id), of_job('followers', id), now_ms(), root .. ':jobs_of:' .. user
local job = redis.pcall('HMGET', key, 'user', 'state', 'content', 'asked')
-- What is no hash can't say whose it is: whoever calls found it on the user's list.
if job[1] and job[1] ~= user then return { 'other' } end
if RUNNING[job[2]] then return { 'running' } end
write_though_full()
if is_broken(job, job[2]) then bury_broken(id, job, nil, nil, now, dead_ttl) end
if redis.call('EXISTS', followers) == 1 then
  release(id, now)
  if redis.call('EXISTS', followers) == 1 then return { 'more' } end
end

for _, index in ipairs({ 'leases', 'scheduled', 'deadlines', 'done', 'dead', 'releases' }) do
  redis.call('ZREM', of_queue(index), id)
end
local digest = job[3] or ARGV[4] ~= '' and ARGV[4]
if digest then
  local bytes = redis.pcall('STRLEN', of_job('result', id))
  local member = digest .. ' ' .. id .. ' ' .. (tonumber(bytes) or 0)
  if mend('ZREM', root .. ':cached', member) == 1 then forget_result(member) end
  if mend('GET', of_leader(digest)) == id then redis.call('DEL', of_leader(digest)) end
  if read_answer(mend('GET', of_answer(digest))) == id then redis.call('DEL', of_answer(digest)) end
  redis.call('UNLINK', of_repeat(digest, user))
end
if job[4] then redis.call('UNLINK', root .. ':idempotency:' .. job[4]) end
local jobs = text(redis.call('UNLINK', key))
redis.call('UNLINK', of_job('checkpoints', id), of_job('attempts', id), of_job('corrupt', id))
if redis.call('EXISTS', of_job('result', id)) == 0 then
  mend('ZREM', list, id)
  return { 'erased', jobs }
end
mend('ZADD', list, text(now), id)
redis.call('PEXPIRE', list, LIST_TTL_MS)
return { 'result', jobs }
