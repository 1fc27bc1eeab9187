-- Leases up to `want` jobs to a worker, each with the permit for its first call, after what time has brought about was done.
-- A repeated request (its answer was lost) gets the same jobs again.
-- KEYS  1 root
-- ARGV  1 queue  2 worker  3 request  4 want (at most 64)  5 lease_ms  6 dead_ttl_ms  7 completed_ttl_ms  8 group ('': no
--       limit)  9 most tokens of a job that one call sends  10 tokens of a call beside them  11… lanes that the worker knows
-- Returns {'jobs', wait_ms, {id, lane, fence, attempt, max_attempts, resumed, payload}, …}: wait_ms as below, where less than
--         `want` came since no more may run; else 0
--       | {'wait', ms (-1: until woken), why}
local worker, request, want, lease_ms, dead_ttl = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]
local completed_ttl = ARGV[7]
local group, chunk_tokens, call_tokens = ARGV[8], tonumber(ARGV[9]), tonumber(ARGV[10])
local now = now_ms()
local last_take = root .. ':take:' .. worker
-- One answer stays well below what a slow network carries in time: with payloads beyond this many bytes it is full.
local BYTES_MAX = 1048576
-- Full passes over what time brings about happen at least this often, also while nothing may run.
local PASS_MS = 1000
-- A booked worker that does not come in time loses its booking.
local BOOKING_MS = 50

-- The answer to a repeated request: what of its jobs is still held.
local function taken_before(previous, request)
  local jobs = { 'jobs', 0 }
  for id, fence in string.gmatch(string.sub(previous, #request + 1), ' (%S+)=(%d+)') do
    local job = redis.pcall('HMGET', of_job('job', id), 'fence', 'state', 'attempts', 'max', 'lane', 'resumed', 'payload')
    if job[1] == fence and job[2] == 'active' then
      jobs[#jobs + 1] = { id, job[5], fence, job[3], job[4], job[6] and '1' or '0', job[7] or '' }
    end
  end
  return jobs
end

-- {'wait', …} where no call whatsoever may go yet, as an earlier take found out: a refused take is a cheap one.
local function known_wait(group, worker, now)
  local f = redis.call('HMGET', root .. ':limiter:' .. group, 'next_at', 'why', 'passed', 'booked', 'booked_until')
  local wait = (tonumber(f[1]) or 0) - now
  if wait <= 0 or now - (tonumber(f[3]) or 0) >= PASS_MS then return nil end
  if f[4] and f[4] ~= worker and now < (tonumber(f[5]) or 0) then wait = -1 end
  if wait >= 0 and f[4] ~= worker then
    write_though_full()
    redis.call('HSET', root .. ':limiter:' .. group, 'booked', worker, 'booked_until', text(now + wait + BOOKING_MS))
  end
  return { 'wait', wait, f[2] or '' }
end

-- What comes after these is not even defined for a take that ends here: a refused one costs little more than a GET.
local previous = redis.call('GET', last_take)
if previous and string.sub(previous, 1, #request + 1) == request .. ' ' then return taken_before(previous, request) end
local known = group ~= '' and known_wait(group, worker, now)
if known then return known end
