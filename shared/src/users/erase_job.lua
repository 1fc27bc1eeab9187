-- The rest of erase_job, after erase_job_head.lua, which describes it, and its fragments.
-- As long as a user's list is kept (listed.lua).
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
