-- Takes up how a call ended: what it used, what the upstream says about its limit, and how the upstream is.
-- KEYS  1 root
-- ARGV  1 queue  2 id  3 fence  4 number of the call in this attempt  5 group  6 ending: ok | rejected | limited | failed |
--       blocked | unreached (failed before it was let go) | unsent  7 reason  8 used tokens (-1: unknown)
--       9 `used` where the reservation is cut to real use  10 limit of requests (-1: unknown, as the next ones)  11 requests
--       left of it  12 limit of tokens  13, 14 own permits in the window and ever granted when the call was let go
--       15 retry_after_ms  16 failures  17 failures_ms  18 open_ms  19 open_max_ms  20 successes  21 slow_ms  22 probe_ms
--       23 what it cost, in micro-dollars  24 how long it took, in microseconds (-1: it was not let go)
-- Returns {'ended', event}: `opened` or `closed` where the breaker changed, `paused` where the upstream asked for it, else ''
-- @include "queue/keys"
-- @include "queue/slot"
-- @include "budget/budget"
-- @include "users/track"
-- @include "limiter/window"
-- @include "limiter/learn"
-- @include "breaker/breaker"

local id, group, ending = ARGV[2], ARGV[5], ARGV[6]
local member, now = id .. ':' .. ARGV[3] .. ':' .. ARGV[4], now_ms()
local l = open_limiter(group, now)
local provider = provider_of(group)
local event, freed = '', false
write_though_full()

local function known(i)
  local number = tonumber(ARGV[i]) or -1
  return number >= 0 and number or nil
end

if l then
  local begun = tonumber(l.logged and redis.call('ZSCORE', of_group('permits', group), member) or now)
  if ending == 'limited' then
    heed_refusal(l, member, begun, known(15))
    event = 'paused'
  elseif ending == 'ok' or ending == 'rejected' then
    freed = heed_success(l, begun)
  end
  if ending ~= 'unsent' and ending ~= 'unreached' then
    heed_headers(l, known(10), known(11), known(12), known(13) or 0, known(14) or l.granted)
  end
  local used = ARGV[9] == 'used' and known(8)
  local reserved = used and tonumber(redis.call('HGET', of_group('reserved', group), member))
  if reserved and used < reserved then
    redis.call('HSET', of_group('reserved', group), member, text(used))
    redis.call('HINCRBY', l.key, 'tokens', text(used - reserved))
    freed = true
  end
end
if ending == 'unsent' or ending == 'unreached' then
  give_back(group, member)
  freed = true
end

if ending ~= 'unsent' then
  mend('HINCRBY', root .. ':metrics', provider .. '_requests', '1')
  if ending ~= 'ok' then redis.call('HINCRBY', root .. ':metrics', provider .. '_errors', '1') end
  -- A moving mean over about 64 calls.
  local took = ending == 'ok' and known(24)
  if took then
    local mean = tonumber(redis.call('HGET', root .. ':metrics', provider .. '_call_us')) or took
    redis.call('HSET', root .. ':metrics', provider .. '_call_us', text(math.floor(mean + (took - mean) / 64)))
  end
end

local key = of_job('job', id)
local job = redis.pcall('HMGET', key, 'lane', 'user', 'held', 'held_tokens', 'held_micros', 'spent_tokens',
  'spent_micros')
if known(8) then
  local b = budget()
  b.spend(now, job[2], ARGV[8], ARGV[23])
  local track = tracking()
  track.of_all(now, 'tokens', ARGV[8])
  track.of_all(now, 'micros', ARGV[23])
  -- What was spent need not be held any more.
  local tokens, micros = whole_number(job[4]) or 0, whole_number(job[5]) or 0
  local spent_tokens, spent_micros = math.min(known(8), tokens), math.min(tonumber(ARGV[23]), micros)
  if job[3] then
    b.release(job[3], job[2], spent_tokens, spent_micros)
    redis.call('HSET', key, 'held_tokens', text(tokens - spent_tokens), 'held_micros', text(micros - spent_micros),
      'spent_tokens', text((whole_number(job[6]) or 0) + spent_tokens),
      'spent_micros', text((whole_number(job[7]) or 0) + spent_micros))
  end
end

local settings = { failures = tonumber(ARGV[16]), failures_ms = ARGV[17], open_ms = tonumber(ARGV[18]),
  open_max_ms = tonumber(ARGV[19]), successes = tonumber(ARGV[20]), slow_ms = tonumber(ARGV[21]), probe_ms = ARGV[22] }
local verdict = heed_end(open_breaker(provider, now), settings, member, ending == 'unreached' and 'failed' or ending, ARGV[7])
if verdict then event = verdict end
if verdict or freed then
  redis.call('HDEL', root .. ':limiter:' .. group, 'next_at')
  if job[1] then redis.call('ZADD', of_lane('wake', job[1]), '0', 'marker') end
end
return { 'ended', event }
