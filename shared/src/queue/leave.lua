-- A worker lets go of a job that someone else has ended: the slot that it held is free.
-- KEYS  1 root
-- ARGV  1 queue  2 id  3 fence  4 lane  5 group
-- Returns {'left'} | {'kept'}: the job is held anew, and the slot with it
-- @include "queue/keys"
-- @include "queue/slot"

local id = ARGV[2]
local job = redis.pcall('HMGET', of_job('job', id), 'state', 'fence')
if job[1] == 'active' and job[2] ~= ARGV[3] then return { 'kept' } end
free_slot(id, ARGV[4], ARGV[5])
return { 'left' }
