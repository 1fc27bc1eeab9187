-- Records a piece of finished work and the progress. A holder whose fence is old may add what is missing: it is paid for.
-- KEYS  1 root
-- ARGV  1 queue  2 id  3 fence  4 name  5 value  6 progress in percent
-- Returns {'recorded', progress} | {'stale', state or 'gone'}: the job has ended
-- @include "queue/keys"

local id, key = ARGV[2], of_job('job', ARGV[2])
local job = redis.pcall('HMGET', key, 'fence', 'state', 'progress')
local state = job[2] or 'gone'
if state ~= 'waiting' and state ~= 'scheduled' and state ~= 'active' then return { 'stale', state } end

write_though_full()
local held = job[1] == ARGV[3] and state == 'active'
mend(held and 'HSET' or 'HSETNX', of_job('checkpoints', id), ARGV[4], ARGV[5])
local progress = math.min(math.max(whole_number(job[3]) or 0, tonumber(ARGV[6])), 100)
redis.call('HSET', key, 'progress', progress, 'resumed', '1')
redis.call('PUBLISH', of_job('events', id), 'progress')
return { 'recorded', progress }
