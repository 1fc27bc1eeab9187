-- Accepts a job: all of it, or nothing. Work that was asked for before is not accepted once more: the answer names the job
-- that is there. Work that someone else is having done is followed, and work that was done lately is answered at once.
-- KEYS  1 root
-- ARGV  1 queue  2 id  3 kind  4 lane  5 user  6 payload  7 delay_ms  8 deadline_ms (from now)  9 max_attempts
--       10 most jobs that may be unfinished  11 most bytes of their payloads  12 class  13 tokens of what is sent upstream,
--       estimated  14 completed_ttl_ms  15 digest of the work ('': it is never shared)  16 '1': it must be done anew
--       17 digest of the idempotency key and its user ('': none)  18 digest of the request  19 idempotency_ttl_ms
--       20 '1': its user's list shows it, and it counts as the user's  where it may cost something: 21, 22 tokens and
--       micro-dollars that it may come to  23 to 26 limits of the budget
-- Returns {'accepted'} | {'joined', leader} | {'cached', whose result} | {'known', id} (the job that is there)
--       | {'mismatch'} (the idempotency key was used for something else) | {'full', unfinished}
--       | {'suspended'} | {'killed', reason} | {'over', limit, when it begins anew in ms}
local id, lane, user, class, payload = ARGV[2], ARGV[4], ARGV[5], ARGV[12], ARGV[6]
local delay, deadline_ms, completed_ttl = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[14])
local digest, fresh, held = ARGV[15], ARGV[16] == '1', ARGV[21]
local asked, listed = ARGV[17] ~= '' and ARGV[17], ARGV[20]
local deadlines = of_queue('deadlines')
-- Payloads of at most so many bytes are not counted.
local SMALL_BYTES = 256
local now = now_ms()

-- The answer about `job`, whom a repeat under the same idempotency key gets, too.
local function answer(job, word, of)
  if listed == '1' and word ~= 'known' then list(user, job, now, word) end
  if asked then remember(asked, job, ARGV[18], ARGV[19]) end
  return { word, of }
end

local before = asked and mend('GET', root .. ':idempotency:' .. asked)
if before then
  local job, request = string.match(before, '^(%S+) (%S+)$')
  if request and request ~= ARGV[18] then return { 'mismatch' } end
  if state_of(job) then return { 'known', job } end
end
if redis.call('HEXISTS', root .. ':suspended', user) == 1 then return refuse(listed, user, now, { 'suspended' }) end

local leader, result_of, gone
if digest ~= '' and not fresh then
  local mine = mend('GET', of_repeat(digest, user))
  local state = state_of(mine)
  if state and state ~= 'failed' and state ~= 'cancelled' then
    hurry(mine, class, user)
    return answer(mine, 'known', mine)
  end
  local work = mend('HMGET', of_content(digest), 'leader', 'result_of', 'until')
  if work[2] and now < (tonumber(work[3]) or 0) and answers(work[2]) then
    result_of = work[2]
  else
    if RUNNING[state_of(work[1])] then leader = work[1] else gone = work[1] end
  end
end

local key, created = of_job('job', id), text(now)
if result_of then
  redis.call('HSET', key, 'fence', '0', 'state', 'completed', 'attempts', '0', 'max', ARGV[9], 'lane', lane, 'class', class,
    'created', created, 'kind', ARGV[3], 'queue', queue, 'user', user, 'ended', created, 'result_of', result_of, 'cached', '1',
    'content', digest)
  redis.call('PEXPIRE', key, completed_ttl)
  outlive(of_job('result', result_of), completed_ttl)
  redis.call('ZADD', of_queue('done'), created, id)
  redis.call('SET', of_repeat(digest, user), id, 'PX', completed_ttl)
  return answer(id, 'cached', result_of)
end

local unfinished = redis.call('ZCARD', deadlines)
if unfinished >= tonumber(ARGV[10]) then return refuse(listed, user, now, { 'full', text(unfinished) }) end
-- Only who has the work done pays for it.
held = not leader and held
local refused = held and budget().refusal(now, user, ARGV[21], ARGV[22], { ARGV[23], ARGV[24], ARGV[25], ARGV[26] })
if refused then return refuse(listed, user, now, refused) end
-- A small payload takes less room than the job beside it, which `unfinished` bounds.
local sizes, bytes = root .. ':bytes', #payload > SMALL_BYTES and text(#payload)
if bytes and unfinished == 0 then
  -- Nothing else takes room.
  redis.call('HSET', sizes, queue, bytes)
elseif bytes and redis.call('HINCRBY', sizes, queue, bytes) > tonumber(ARGV[11]) then
  redis.call('HINCRBY', sizes, queue, '-' .. bytes)
  return refuse(listed, user, now, { 'full', text(unfinished) })
end

redis.call('ZADD', deadlines, text(now + deadline_ms), id)
local rank = leader and '0' or next_rank(class, user)
-- What take and settle read comes first: a small hash is searched from its head. The job has no time to live while
-- `deadlines` knows it; its end gives it one.
redis.call('HSET', key, 'fence', '0', 'state', delay > 0 and 'scheduled' or 'waiting', 'attempts', '0', 'max', ARGV[9],
  'listed', listed, 'lane', lane, 'class', class, 'rank', rank, 'created', created, 'kind', ARGV[3], 'queue', queue,
  'user', user, 'payload', payload)
if bytes then redis.call('HSET', key, 'bytes', bytes) end
if ARGV[13] ~= '0' then redis.call('HSET', key, 'tokens', ARGV[13]) end
if held then
  redis.call('HSET', key, 'held', budget().hold(now, user, ARGV[21], ARGV[22]), 'held_tokens', ARGV[21], 'held_micros', ARGV[22])
end
if digest ~= '' then
  redis.call('HSET', key, 'content', digest)
  redis.call('SET', of_repeat(digest, user), id, 'PX', ARGV[8])
end
if leader then
  redis.call('HSET', key, 'follows', '1')
  mend('ZADD', of_job('followers', leader), created, id)
  outlive(of_job('followers', leader), deadline_ms)
  hurry(leader, class, user)
  return answer(id, 'joined', leader)
end
if digest ~= '' and not fresh then
  redis.call('HSET', of_content(digest), 'leader', id)
  outlive(of_content(digest), deadline_ms)
  -- Those that follow a job that is no more follow this one.
  if gone and redis.call('EXISTS', of_job('followers', gone)) == 1 then
    redis.call('RENAME', of_job('followers', gone), of_job('followers', id))
  end
end
if delay > 0 then
  local due = text(now + delay)
  redis.call('HSET', key, 'run_at', due)
  redis.call('ZADD', of_queue('scheduled'), due, id)
else
  put_in_line(id, lane, class, rank)
end
return answer(id, 'accepted')
