-- Leases up to `want` jobs to a worker, each with the permit for its first call, after what time has brought about was done.
-- A repeated request (its answer was lost) gets the same jobs again.
-- KEYS  1 root
-- ARGV  1 queue  2 worker  3 request  4 want (at most 64)  5 lease_ms  6 dead_ttl_ms  7 completed_ttl_ms  8 group ('': no
--       limit)  9 most tokens of a job that one call sends  10 tokens of a call beside them  11 jobs that the worker holds
--       12 '1': it has finished a job  13 how long it has lived, in ms  14 crashes that make a job a dead letter
--       15 what the worker expects Redis' clock to say ('': it does not know yet)  16… lanes that the worker knows
-- Returns {'jobs', wait_ms, lost, now, {id, lane, fence, attempt, max_attempts, resumed, payload}, …}: wait_ms as below, where less
--         than `want` came since no more may run; else 0. lost: jobs that were taken back from workers that were lost
--       | {'wait', ms (-1: until woken), why, lost, now}
-- @include "queue/keys"
-- @include "limiter/skew"
local worker, request, want, lease_ms, dead_ttl = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]
local completed_ttl = ARGV[7]
local group, chunk_tokens, call_tokens = ARGV[8], tonumber(ARGV[9]), tonumber(ARGV[10])
local now = now_ms()
local expected = ARGV[15]
local last_take = root .. ':take:' .. worker
-- One answer stays well below what a slow network carries in time: with payloads beyond this many bytes it is full.
local BYTES_MAX = 1048576
-- Full passes over what time brings about happen at least this often, also while nothing may run.
local PASS_MS = 1000
-- A booked worker that does not come in time loses its booking.
local BOOKING_MS = 50
-- While a worker was lost within this many leases, a process that has not finished a job yet holds one at a time: a crash loop
-- costs one job a start.
local LOSS_LEASES = 5
-- A worker that sees another time than it expects reports that, and asks again after this time.
local SKEWED_MS = 250
-- A worker that may have no more jobs for this reason asks again after this time.
local UNPROVEN_MS = 500

-- The answer to a repeated request: what of its jobs is still held.
local function taken_before(previous, request)
  local jobs = { 'jobs', 0, 0, text(now) }
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
  local passed = tonumber(f[3]) or 0
  if wait <= 0 or now - passed >= PASS_MS or passed > now then return nil end
  if f[4] and f[4] ~= worker and now < (tonumber(f[5]) or 0) then wait = -1 end
  if wait >= 0 and f[4] ~= worker then
    write_though_full()
    redis.call('HSET', root .. ':limiter:' .. group, 'booked', worker, 'booked_until', text(now + wait + BOOKING_MS))
  end
  return { 'wait', wait, f[2] or '', 0, text(now) }
end

-- What comes after these is not even defined for a take that ends here: a refused one costs little more than a GET.
local previous = redis.call('GET', last_take)
if previous and string.sub(previous, 1, #request + 1) == request .. ' ' then return taken_before(previous, request) end
local known = group ~= '' and known_wait(group, worker, now)
if known then return known end
-- By a clock that has stepped nothing is brought about, before it is known that it has.
if group ~= '' and skew_of(now, expected) then return { 'wait', SKEWED_MS, 'clock', 0, text(now) } end

-- @include "queue/line"
-- @include "queue/rank"
-- @include "queue/order"
-- @include "queue/slot"
-- @include "budget/budget"
-- @include "users/track"
-- @include "queue/share"
-- @include "queue/bury"
-- @include "queue/broken"
-- @include "queue/result"
-- @include "queue/pass_on"
-- @include "queue/promote"
-- @include "queue/suspects"
-- @include "queue/outage"
-- @include "queue/reclaim"
-- @include "queue/sweep"
-- @include "queue/admit"
-- @include "queue/wait"
-- @include "breaker/doubt"
-- @include "queue/charge"

-- In a function: a script has 200 locals at most, and so has each of its functions.
local function take_jobs()
  local most = want + 16
  -- Workers count attempts in 32 bits.
  local ATTEMPTS_MAX = 2 ^ 31
  write_though_full()
  heed_outage(now, lease_ms, group)
  promote(now, most, dead_ttl)
  local lost = reclaim(now, most, dead_ttl, tonumber(ARGV[14]))
  end_overdue(now, most, dead_ttl)
  release_rest(now)
  -- Jobs themselves are gone by their own time to live.
  local results_left = forget_results(now)
  local done_left = forget(of_queue('done'), now - tonumber(completed_ttl))
  local dead_left = forget(of_queue('dead'), now - tonumber(dead_ttl))

  local lanes = {}
  for i = 16, #ARGV do lanes[#lanes + 1] = ARGV[i] end
  local order = lines(lanes, want)
  local some_wait = order.classes[1] or order.suspects[1]
  local jobs, taken, leased, slots, gone, bytes, count, wait = { 'jobs', 0, lost, text(now) }, {}, {}, {}, {}, 0, 0, nil
  local started, lease_end = text(now), text(now + lease_ms)
  local gate = some_wait and group ~= '' and open_gate(group, now)
  if some_wait then wait = paused(group, gate) end

  local finished, holding, lived = ARGV[12] == '1', tonumber(ARGV[11]), tonumber(ARGV[13])
  local proven = finished or lived >= lease_ms
  if not wait and some_wait and not finished and now < order.lost + LOSS_LEASES * lease_ms then
    want = math.min(want, 1 - holding)
    if want <= 0 then wait = { UNPROVEN_MS, 'unproven' } end
  end
  local careful = gate and is_careful(gate)
  if careful then leave_aside(order) end
  -- While one call has to show how the upstream is, it is not that of a suspect where another one waits.
  local suspects = proven and order.suspects[1] and not (careful and order.untried) and open_suspects(worker, order)

  while not wait and count < want and bytes < BYTES_MAX do
    local head, line, start = suspects and next_suspect(suspects), nil, nil
    local suspect = head
    if not head then line, head, start = whose_turn(order) end
    if not head then break end
    local id, lane, key = head.id, head.lane, of_job('job', head.id)
    local job = redis.pcall('HMGET', key, 'fence', 'state', 'attempts', 'max', 'resumed', 'payload', 'doubted')
    local fence, attempts, max = whole_number(job[1]), whole_number(job[3]), whole_number(job[4])
    local whole = job[2] == 'waiting' and fence and attempts and max and attempts < ATTEMPTS_MAX and max < ATTEMPTS_MAX
    local charged = whole and job[7] and group ~= '' and charge_doubt(id, group, job[7], attempts, now)
    if charged then attempts = charged end
    local spent = charged and charged >= max
    local member, cost
    if whole and gate and not spent then
      member = id .. ':' .. text(fence + 1) .. ':1'
      local known = redis.call('HMGET', key, 'need', 'tokens')
      cost = scaled(gate.l, whole_number(known[1]) or math.min(whole_number(known[2]) or 0, chunk_tokens) + call_tokens)
      wait = slot_refusal(gate) or refusal(gate, member, cost)
      if wait then break end
      let_go(gate, member, cost)
    end
    if suspect then hold_suspect(suspects, worker, head, text((fence or 0) + 1)) else pass(order, line, start) end
    count = count + 1
    local leaving = gone[head.key] or { head.key }
    gone[head.key], leaving[#leaving + 1] = leaving, id
    if spent then
      bury_refused(id, lane, line and line.class, now, dead_ttl)
    elseif whole then
      attempts, fence = text(attempts + 1), text(fence + 1)
      redis.call('HSET', key, 'fence', fence, 'state', 'active', 'attempts', attempts, 'worker', worker, 'started', started)
      if gate then
        redis.call('HSET', key, 'group', group, 'permit', member)
        slots[#slots + 1] = lease_end
        slots[#slots + 1] = id
      end
      redis.call('PUBLISH', of_job('events', id), 'active')
      bytes = bytes + #(job[6] or '')
      leased[#leased + 1] = lease_end
      leased[#leased + 1] = id
      jobs[#jobs + 1] = { id, lane, fence, attempts, job[4], job[5] and '1' or '0', job[6] or '' }
      taken[#taken + 1] = ' ' .. id .. '=' .. fence
    elseif job[2] == 'waiting' or is_broken(job, job[2]) then
      bury_broken(id, job, lane, line and line.class, now, dead_ttl)
    end
  end
  for _, ids in pairs(gone) do redis.call('ZREM', unpack(ids)) end
  keep_order(order)
  if gate then close_gate(gate) end
  if leased[1] then redis.call('ZADD', of_queue('leases'), unpack(leased)) end
  if slots[1] then redis.call('ZADD', of_group('inflight', group), unpack(slots)) end

  -- Where a job that may run is left in line, another idle worker is woken for it; where none may run now, one worker waits
  -- for the time, and the others until they are woken.
  local unproven = wait and wait[2] == 'unproven'
  if wait and not unproven then wait = book(group, worker, wait, now, count < want) end
  if not wait or wait[3] or unproven then wake_for_the_rest(order, lanes) end
  -- Not where this worker waits at the marker: it would wake itself.
  local left = not wait and suspects_left(suspects, order, proven, lease_ms - lived)
  if leased[1] then
    jobs[2] = wait and wait[1] or 0
    redis.call('SET', last_take, request .. table.concat(taken), 'PX', ARGV[5])
    return jobs
  end
  if wait then return { 'wait', wait[1], wait[2], lost, text(now) } end
  if left then return { 'wait', left, 'unproven', lost, text(now) } end
  return { 'wait', (results_left or done_left or dead_left) and 0 or next_due(now) or -1, 'empty', lost, text(now) }
end

return take_jobs()
