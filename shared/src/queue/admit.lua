-- Fragment of take and begin: whether one more call may be let go: breaker, limiter and slots, asked together with the job
-- being taken and in the same step, so that no worker ever holds a job that it may not run.
-- Needs the fragments of limiter/ and breaker/, and slot.lua.
-- @include "limiter/window"
-- @include "limiter/permit"
-- @include "limiter/epoch"
-- @include "limiter/learned"
-- @include "limiter/admit"
-- @include "breaker/breaker"

-- Everything that is asked, as it stands now; nil where no limits are in force. Without a group nothing limits a job.
local function open_gate(group, now)
  local l = open_limiter(group, now)
  if not l then return nil end
  narrow(l)
  return { l = l, b = open_breaker(provider_of(group), now) }
end

-- nil where the call `member` of `cost` tokens may go, else {wait_ms (-1: until woken), why, exact}.
local function refusal(gate, member, cost)
  return breaker_refusal(gate.b, member) or limiter_refusal(gate.l, cost)
end

-- Whether one call has to show how the upstream is, before others go.
local function is_careful(gate) return gate.b.state ~= 'closed' or gate.l.refusals > 0 end

local function let_go(gate, member, cost)
  count_probe(gate.b, member)
  grant(gate.l, member, cost)
end

-- nil where one more job may run at once, else {-1, why}: a slot is freed by the end of a job.
local function slot_refusal(gate)
  local l = gate.l
  if not l.concurrency then return nil end
  local slots = of_group('inflight', l.group)
  if not l.slots then
    redis.call('ZREMRANGEBYSCORE', slots, '-inf', text(l.now))
    l.slots = redis.call('ZCARD', slots)
  end
  if l.slots + l.new < l.concurrency then return nil end
  redis.call('HSET', l.key, 'starved', '1')
  return { -1, 'concurrency' }
end

local function close_gate(gate)
  count_trial(gate.l)
  keep_grants(gate.l)
end
