-- The rest of take, after take_head.lua, which describes it, and its fragments.
local most = want + 16
-- Workers count attempts in 32 bits.
local ATTEMPTS_MAX = 2 ^ 31
write_though_full()
promote(now, most, dead_ttl)
reclaim(now, most, dead_ttl)
end_overdue(now, most, dead_ttl)
release_rest(now)
-- Jobs themselves are gone by their own time to live.
local results_left = forget_results(now)
local done_left = forget(of_queue('done'), now - tonumber(completed_ttl))
local dead_left = forget(of_queue('dead'), now - tonumber(dead_ttl))

local lanes = {}
for i = 11, #ARGV do lanes[#lanes + 1] = ARGV[i] end
local order = lines(lanes, want)
local jobs, taken, leased, slots, gone, bytes, count, wait = { 'jobs', 0 }, {}, {}, {}, {}, 0, 0, nil
local started, lease_end = text(now), text(now + lease_ms)
local gate = order.classes[1] and group ~= '' and open_gate(group, now)
if order.classes[1] then wait = paused(group, gate) end

while not wait and count < want and bytes < BYTES_MAX do
  local line, head, start = whose_turn(order)
  if not line then break end
  local id, lane, key = head.id, head.lane, of_job('job', head.id)
  local job = redis.pcall('HMGET', key, 'fence', 'state', 'attempts', 'max', 'resumed', 'payload')
  local fence, attempts, max = whole_number(job[1]), whole_number(job[3]), whole_number(job[4])
  local whole = job[2] == 'waiting' and fence and attempts and max and attempts < ATTEMPTS_MAX and max < ATTEMPTS_MAX
  local member, cost
  if whole and gate then
    member = id .. ':' .. text(fence + 1) .. ':1'
    local known = redis.call('HMGET', key, 'need', 'tokens')
    cost = whole_number(known[1]) or math.min(whole_number(known[2]) or 0, chunk_tokens) + call_tokens
    wait = slot_refusal(gate) or refusal(gate, member, cost)
    if wait then break end
    let_go(gate, member, cost)
  end
  pass(order, line, start)
  count = count + 1
  local leaving = gone[head.key] or { head.key }
  gone[head.key], leaving[#leaving + 1] = leaving, id
  if whole then
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
    bury_broken(id, job, head.lane, line.class, now, dead_ttl)
  end
end
for _, ids in pairs(gone) do redis.call('ZREM', unpack(ids)) end
keep_order(order)
if gate then close_gate(gate) end
if leased[1] then redis.call('ZADD', of_queue('leases'), unpack(leased)) end
if slots[1] then redis.call('ZADD', of_group('inflight', group), unpack(slots)) end

-- Where a job that may run is left in line, another idle worker is woken for it; where none may run now, one worker waits
-- for the time, and the others until they are woken.
if wait then wait = book(group, worker, wait, now, count < want) end
if not wait or wait[3] then wake_for_the_rest(order, lanes) end
if leased[1] then
  jobs[2] = wait and wait[1] or 0
  redis.call('SET', last_take, request .. table.concat(taken), 'PX', ARGV[5])
  return jobs
end
if wait then return { 'wait', wait[1], wait[2] } end
return { 'wait', (results_left or done_left or dead_left) and 0 or next_due(now) or -1, 'empty' }
