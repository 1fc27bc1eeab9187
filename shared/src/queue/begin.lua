-- Lets one call of a job go, at the upstream's door: the permit that came with the job is moved to this moment, so that it
-- counts from when the call is made; a further call gets a permit of its own. Safe to repeat.
-- KEYS  1 root
-- ARGV  1 queue  2 id  3 fence  4 number of the call in this attempt  5 tokens that the provider counts up front
--       6 group  7 what the caller expects Redis' clock to say ('': it does not know yet)
-- Returns {'go', own permits in the window, permits ever granted} | {'wait', ms, why} | {'stale', state or 'gone'}
-- @include "queue/keys"
-- @include "queue/slot"
-- @include "queue/admit"
-- @include "limiter/skew"

local id, fence, group, tokens = ARGV[2], ARGV[3], ARGV[6], tonumber(ARGV[5])
local key = of_job('job', id)
local job = redis.pcall('HMGET', key, 'fence', 'state', 'permit', 'group')
if job[1] ~= fence or job[2] ~= 'active' then return { 'stale', job[2] or 'gone' } end

write_though_full()
local now = now_ms()
local member = id .. ':' .. fence .. ':' .. ARGV[4]
local gate = open_gate(group, now)
if not gate then return { 'wait', 0, 'unannounced' } end
local l, b = gate.l, gate.b
local cost = scaled(l, tokens)
local held = l.logged and redis.call('ZSCORE', of_group('permits', group), member)
local reserved = held and tonumber(redis.call('HGET', of_group('reserved', group), member)) or 0

local first = held or not l.logged and job[3] == member
local wait
if skew_of(now, ARGV[7]) then
  wait = { 0, 'clock' }
elseif first then
  -- Its place in the window is its own: only what has happened since can stop it.
  wait = breaker_refusal(b, member) or pause_refusal(l, member) or tokens_refusal(l, cost - reserved)
else
  wait = refusal(gate, member, cost)
end
if wait then
  if job[3] then give_back(group, job[3]) end
  redis.call('HSET', key, 'need', text(tokens))
  redis.call('HDEL', key, 'permit')
  return { 'wait', wait[1], wait[2] }
end
if first then
  move_permit(l, member, cost, reserved)
else
  let_go(gate, member, cost)
  close_gate(gate)
end
redis.call('HDEL', key, 'permit')
return { 'go', (l.count or 0) + l.new, l.granted }
