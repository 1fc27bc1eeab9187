-- Takes up how a call ended: what it used, what the upstream says about its limit, how the upstream is, and whose fault it was.
-- KEYS  1 root
-- ARGV  1 queue  2 id  3 fence  4 number of the call in this attempt  5 group  6 ending: ok | rejected | limited (429) | own
--       (refused for itself, in words) | doubted (403, 402: the account or the request) | pause (for retry_after_ms) | failed |
--       blocked | unreached (failed before it was let go) | unsent  7 reason (limited: `plain` where it says that it is the
--       limit)  8 used tokens (-1: unknown)  9 `used` where the reservation is cut to real use  10 limit of requests (-1: unknown,
--       as the next ones)  11 requests left of it  12 limit of tokens  13, 14 own permits in the window and ever granted when
--       the call was let go  15 retry_after_ms  16 failures  17 failures_ms  18 ratio of failures  19 open_ms  20 open_max_ms
--       21 successes  22 slow_ms  23 probe_ms  24 what it cost, in micro-dollars  25 how long it took, in microseconds (-1: it
--       was not let go)  26 tokens of the call as they were estimated  27 tokens that it is assumed to have used: it timed out
--       after it was sent (-1: it did not)  28 digest of the worker's settings
-- Returns {'ended', event, number}: `opened` or `closed` where the breaker changed, `paused` where the upstream asked for it; or what
--         the job has to know: blamed (it waits by itself; number: refusals since then), failed (refused too often), own (refused
--         for itself), doubt and witness (not known yet; number: how often; witness: the caller looks at the model); else ''
-- @include "queue/keys"
-- @include "queue/slot"
-- @include "budget/budget"
-- @include "users/track"
-- @include "limiter/window"
-- @include "limiter/learn"
-- @include "limiter/blame"
-- @include "limiter/overuse"
-- @include "breaker/outcome"
-- @include "breaker/doubt"

local id, group, ending, reason = ARGV[2], ARGV[5], ARGV[6], ARGV[7]
local member, now = id .. ':' .. ARGV[3] .. ':' .. ARGV[4], now_ms()
local l = open_limiter(group, now)
local provider = provider_of(group)
local event, count, freed = '', 0, false
write_though_full()

local function known(i)
  local number = tonumber(ARGV[i]) or -1
  return number >= 0 and number or nil
end

local key = of_job('job', id)
local job = redis.pcall('HMGET', key, 'lane', 'user', 'held', 'held_tokens', 'held_micros', 'spent_tokens',
  'spent_micros', 'aside', 'refused', 'blamed', 'charged')
local answered, plain = ending == 'ok' or ending == 'rejected', reason == 'plain'
local begun = now
if l then
  begun = tonumber(l.logged and redis.call('ZSCORE', of_group('permits', group), member) or now)
  if ending == 'limited' then
    local verdict
    verdict, count = judge_refusal(l, id, begun, whole_number(job[9]) or 0, whole_number(job[10]) or 0, plain)
    if verdict == 'limit' then
      keep_lesson(l, id, plain)
      heed_refusal(l, member, begun, known(15))
      event = 'paused'
    else
      release_trial(l, member)
      event, freed = verdict, true
    end
  elseif ending == 'pause' then
    redis.call('HSET', l.key, 'pause_until', text(math.max(l.pause_until, now + (known(15) or 0))))
    event = 'paused'
  elseif answered then
    freed = heed_success(l, begun)
    freed = witness_answer(l, id, begun, job[9]) or freed
  elseif ending == 'own' or ending == 'doubted' then
    redis.call('HSET', l.key, 'watch_until', text(now + WATCH_MS))
    release_trial(l, member)
    freed = true
  end
  if ending ~= 'unsent' and ending ~= 'unreached' then
    heed_headers(l, known(10), known(11), known(12), known(13) or 0, known(14) or l.granted)
  end
  freed = settle_tokens(l, member, known(8), known(26), ARGV[9] == 'used') or freed
end
if ending == 'unsent' or ending == 'unreached' then
  give_back(group, member)
  freed = true
end
-- Its next call is no trial and no probe while another one can be.
if answered then
  if job[8] then redis.call('HDEL', key, 'aside', 'refused', 'blamed', 'doubted', 'doubts', 'charged') end
elseif ending ~= 'unsent' and not job[8] and job[1] then
  redis.call('HSET', key, 'aside', '1')
end

if ending ~= 'unsent' then
  mend('HINCRBY', root .. ':metrics', provider .. '_requests', '1')
  if ending ~= 'ok' then redis.call('HINCRBY', root .. ':metrics', provider .. '_errors', '1') end
  -- A moving mean over about 64 calls.
  local took = ending == 'ok' and known(25)
  if took then
    local mean = tonumber(redis.call('HGET', root .. ':metrics', provider .. '_call_us')) or took
    redis.call('HSET', root .. ':metrics', provider .. '_call_us', text(math.floor(mean + (took - mean) / 64)))
  end
end

local spent = known(8) or known(27)
if spent then
  local b = budget()
  b.spend(now, job[2], spent, ARGV[24])
  if not known(8) then b.assume(now, job[2], spent, ARGV[24]) end
  local track = tracking()
  track.of_all(now, 'tokens', text(spent))
  track.of_all(now, 'micros', ARGV[24])
  -- What was spent need not be held any more.
  local tokens, micros = whole_number(job[4]) or 0, whole_number(job[5]) or 0
  local spent_tokens, spent_micros = math.min(spent, tokens), math.min(tonumber(ARGV[24]), micros)
  if job[3] then
    b.release(job[3], job[2], spent_tokens, spent_micros)
    redis.call('HSET', key, 'held_tokens', text(tokens - spent_tokens), 'held_micros', text(micros - spent_micros),
      'spent_tokens', text((whole_number(job[6]) or 0) + spent_tokens),
      'spent_micros', text((whole_number(job[7]) or 0) + spent_micros))
  end
end

local breaker, quick = open_breaker(provider, now), false
if ending == 'doubted' then
  local verdict = raise_doubt(provider, now, begun, id, job[2], job[11])
  if verdict == 'account' or verdict == 'doubt' and breaker.probe == member then
    ending, quick = 'blocked', true
  else
    ending, event = 'own', verdict
  end
  if verdict == 'doubt' and job[1] then
    redis.call('HSET', key, 'doubted', text(begun))
    count = redis.call('HINCRBY', key, 'doubts', 1)
    if ending == 'own' and is_alone(job[1]) and claim_witness(provider, now) then event = 'witness' end
  end
elseif answered and l and now < l.watch_until then
  freed = answer_doubt(provider, id, begun) or freed
end
local settings = { failures = tonumber(ARGV[16]), failures_ms = tonumber(ARGV[17]), ratio = tonumber(ARGV[18]),
  open_ms = tonumber(ARGV[19]), open_max_ms = tonumber(ARGV[20]), successes = tonumber(ARGV[21]),
  slow_ms = tonumber(ARGV[22]), probe_ms = ARGV[23], settings = ARGV[28] }
local verdict = heed_end(breaker, settings, { member = member, id = id, user = job[2] }, ending == 'unreached' and 'failed' or ending,
  reason, quick)
if ending == 'blocked' then condemn(provider, now) end
if verdict then event = verdict end
if verdict or freed then
  redis.call('HDEL', root .. ':limiter:' .. group, 'next_at')
  if job[1] then redis.call('ZADD', of_lane('wake', job[1]), '0', 'marker') end
end
return { 'ended', event, count }
