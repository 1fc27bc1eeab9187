-- Ends a job by request, wherever it stands.
-- KEYS  1 root
-- ARGV  1 queue  2 id  3 completed_ttl_ms  4 dead_ttl_ms  5 code  6 message
-- Returns {'cancelled'} | {'ended', state} | {'gone'}
-- @include "queue/keys"
local id, completed_ttl, dead_ttl = ARGV[2], ARGV[3], ARGV[4]

-- @include "queue/line"
-- @include "queue/rank"
-- @include "queue/slot"
-- @include "budget/budget"
-- @include "users/track"
-- @include "queue/share"
-- @include "queue/bury"
-- @include "queue/broken"
-- @include "queue/pass_on"

local key, now = of_job('job', id), now_ms()
local job = redis.pcall('HMGET', key, 'state', 'lane', 'class', 'group', 'permit', 'follows')
local state = job[1]
if ENDED[state] then return { 'ended', state } end
if not RUNNING[state] then return { 'gone' } end

for _, index in ipairs({ 'leases', 'scheduled', 'deadlines' }) do redis.call('ZREM', of_queue(index), id) end
if job[2] and job[3] then leave_line(id, job[2], job[3]) end
if state == 'active' then revoke(id, job[4], job[5]) end
local digest, user = close_books(id, 'cancelled', now)
local ended = text(now)
redis.call('HSET', key, 'state', 'cancelled', 'ended', ended, 'code', ARGV[5], 'message', ARGV[6], 'payload', '')
redis.call('HDEL', key, 'worker', 'run_at', 'group', 'permit', 'follows')
redis.call('PEXPIRE', key, completed_ttl)
redis.call('ZADD', of_queue('done'), ended, id)
-- Its checkpoints may go on with a follower.
end_work(id, digest, user, 'cancelled', now)
redis.call('UNLINK', of_job('checkpoints', id), of_job('attempts', id))
redis.call('PUBLISH', of_job('events', id), 'cancelled')
return { 'cancelled' }
