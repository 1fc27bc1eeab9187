-- Leases up to `want` jobs to a worker, after what time has brought about was done.
-- A repeated request (its answer was lost) gets the same jobs again.
-- KEYS  1 root
-- ARGV  1 queue  2 worker  3 request  4 want (at most 1000)  5 lease_ms  6 dead_ttl_ms  7 completed_ttl_ms  8… lanes that the worker knows
-- Returns {'jobs', {id, lane, fence, attempt, max_attempts, resumed, payload}, …}
--       | {'wait', ms (-1: until woken), why}
local worker, request, want, lease_ms, dead_ttl = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]
local now = now_ms()
local last_take = root .. ':take:' .. worker
-- One answer stays well below what a slow network carries in time: with payloads beyond this many bytes it is full.
local BYTES_MAX = 1048576

local previous = redis.call('GET', last_take)
if previous and string.sub(previous, 1, #request + 1) == request .. ' ' then
  local jobs = { 'jobs' }
  for id, fence in string.gmatch(string.sub(previous, #request + 1), ' (%S+)=(%d+)') do
    local job = redis.call('HMGET', of_job('job', id), 'fence', 'state', 'attempts', 'max', 'lane', 'resumed', 'payload')
    if job[1] == fence and job[2] == 'active' then
      jobs[#jobs + 1] = { id, job[5], fence, job[3], job[4], job[6] or '0', job[7] or '' }
    end
  end
  return jobs
end

local most = want + 16
promote(now, most)
reclaim(now, most, dead_ttl)
end_overdue(now, most, dead_ttl)
forget('done', now - tonumber(ARGV[7]), 2 * most)
forget('dead', now - tonumber(dead_ttl), 2 * most)

-- The heads of the lanes, oldest first over all of them.
local heads = {}
for i = 8, #ARGV do
  local line = redis.call('ZRANGE', of_lane('waiting', ARGV[i]), 0, want - 1, 'WITHSCORES')
  for j = 1, #line, 2 do heads[#heads + 1] = { id = line[j], lane = ARGV[i], order = tonumber(line[j + 1]) } end
end
if #ARGV > 8 then
  table.sort(heads, function(a, b) return a.order < b.order or (a.order == b.order and a.id < b.id) end)
end

local jobs, taken, leased, wait = { 'jobs' }, {}, {}, nil
local gone, bytes, started, lease_end = {}, 0, text(now), text(now + lease_ms)
for i = 1, math.min(want, #heads) do
  local id, lane = heads[i].id, heads[i].lane
  wait = admit(now, id)
  if wait or bytes >= BYTES_MAX then break end
  gone[lane] = gone[lane] or {}
  table.insert(gone[lane], id)
  local key = of_job('job', id)
  local job = redis.pcall('HMGET', key, 'fence', 'state', 'attempts', 'max', 'resumed', 'payload')
  local fence, attempts = tonumber(job[1]), tonumber(job[3])
  if job.err then
    -- Not a hash: kept aside for people, so that it can't stand in the way again.
    redis.call('RENAME', key, of_job('corrupt', id))
    redis.call('PEXPIRE', of_job('corrupt', id), dead_ttl)
    bury(id, lane, now, dead_ttl, 'corrupt_job', 'The stored job is not readable')
  elseif not job[2] then
    drop_remains(id)
  elseif not attempts or not fence or not tonumber(job[4]) then
    bury(id, lane, now, dead_ttl, 'corrupt_job', 'The stored job has no readable attempts or fence')
  else
    attempts, fence = text(attempts + 1), text(fence + 1)
    redis.call('HSET', key, 'fence', fence, 'state', 'active', 'attempts', attempts, 'worker', worker, 'started', started)
    bytes = bytes + #(job[6] or '')
    leased[#leased + 1] = lease_end
    leased[#leased + 1] = id
    jobs[#jobs + 1] = { id, lane, fence, attempts, job[4], job[5] or '0', job[6] or '' }
    taken[#taken + 1] = ' ' .. id .. '=' .. fence
  end
end
for lane, ids in pairs(gone) do redis.call('ZREM', of_lane('waiting', lane), unpack(ids)) end
if leased[1] then redis.call('ZADD', of_queue('leases'), unpack(leased)) end

-- Where a job that may run is left in line, another idle worker is woken for it.
for i = 8, wait and 0 or #ARGV do
  if redis.call('EXISTS', of_lane('waiting', ARGV[i])) == 1 then
    redis.call('ZADD', of_lane('wake', ARGV[i]), '0', 'marker')
  end
end
if leased[1] then
  redis.call('SET', last_take, request .. table.concat(taken), 'PX', ARGV[5])
  return jobs
end
if wait then return { 'wait', wait[1], wait[2] } end
return { 'wait', next_due(now) or -1, 'empty' }
