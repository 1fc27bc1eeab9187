-- Holds on to leases: each is pushed back by a full lease from now.
-- KEYS  1 root
-- ARGV  1 queue  2 lease_ms  3 group ('': no limit)  4… id, fence, id, fence, …
-- Returns {'lost', id, why, id, why, …}: the jobs that are no longer held under that fence; why: `ended`, or `taken` where
--         the job goes on without this holder
-- @include "queue/keys"
-- @include "limiter/skew"
-- @include "queue/outage"

local now, lease = now_ms(), tonumber(ARGV[2])
local lease_end = text(now + lease)
local lost = { 'lost' }
write_though_full()
heed_outage(now, lease, ARGV[3])
for i = 4, #ARGV, 2 do
  local id = ARGV[i]
  local job = redis.pcall('HMGET', of_job('job', id), 'fence', 'state', 'group')
  local state = job[2]
  if job[1] == ARGV[i + 1] and state == 'active' then
    redis.call('ZADD', of_queue('leases'), 'XX', lease_end, id)
    if job[3] then redis.call('ZADD', root .. ':inflight:' .. job[3], 'XX', lease_end, id) end
  else
    lost[#lost + 1] = id
    lost[#lost + 1] = (state == 'waiting' or state == 'scheduled' or state == 'active') and 'taken' or 'ended'
  end
end
return lost
