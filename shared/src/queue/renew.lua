-- Holds on to leases: each is pushed back by a full lease from now.
-- KEYS  1 root
-- ARGV  1 queue  2 lease_ms  3… id, fence, id, fence, …
-- Returns {'lost', id, …}: the jobs that are no longer held under that fence, for whatever reason
local lease_end = now_ms() + tonumber(ARGV[2])
local lost = { 'lost' }
for i = 3, #ARGV, 2 do
  local id = ARGV[i]
  local job = redis.pcall('HMGET', of_job('job', id), 'fence', 'state', 'group')
  if job[1] == ARGV[i + 1] and job[2] == 'active' then
    redis.call('ZADD', of_queue('leases'), 'XX', lease_end, id)
    if job[3] then redis.call('ZADD', root .. ':inflight:' .. job[3], 'XX', lease_end, id) end
  else
    lost[#lost + 1] = id
  end
end
return lost
