-- The rest of enqueue, after enqueue_head.lua, which describes it, and its fragments.
-- Payloads of at most so many bytes are not counted.
local SMALL_BYTES = 256
if mismatch then return reply('mismatch') end
if known then return reply('known', known) end
if suspended then return refuse('suspended') end
if over then return refuse('limited') end

local leader, result_of, gone, content_known
if digest ~= '' and not fresh then
  local mine = mend('GET', of_repeat(digest, user))
  local state = state_of(mine)
  if state and state ~= 'failed' and state ~= 'cancelled' then
    hurry(mine, class, user)
    return answer(mine, 'known', mine)
  end
  local work = mend('HMGET', of_content(digest), 'leader', 'result_of', 'until')
  content_known = work[1] or work[2]
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

if unfinished >= tonumber(ARGV[10]) then return refuse('full', text(unfinished)) end
-- Only who has the work done pays for it. It is held to that where nothing is limited, too: an operator may set a limit at any time.
local books, standing
if held and not leader then
  local limits, refused = budget_limits({ ARGV[23], ARGV[24], ARGV[25], ARGV[26] })
  if limits and held ~= '0' then
    books = budget()
    refused, standing = books.refusal(now, user, held, ARGV[22], limits)
  end
  if refused then return refuse(refused[1], refused[2], refused[3]) end
end
-- A small payload takes less room than the job beside it, which `unfinished` bounds.
local size = #payload + #recording
local sizes, bytes = root .. ':bytes', size > SMALL_BYTES and text(size)
if bytes and unfinished == 0 then
  -- Nothing else takes room.
  redis.call('HSET', sizes, queue, bytes)
elseif bytes and redis.call('HINCRBY', sizes, queue, bytes) > tonumber(ARGV[11]) then
  redis.call('HINCRBY', sizes, queue, '-' .. bytes)
  return refuse('full', text(unfinished))
end

redis.call('ZADD', deadlines, text(now + deadline_ms), id)
local rank = leader and '0' or next_rank(class, user)
-- What take and settle read comes first: a small hash is searched from its head. The job has no time to live while
-- `deadlines` knows it; its end gives it one.
local job = { 'fence', '0', 'state', delay > 0 and 'scheduled' or 'waiting', 'attempts', '0', 'max', ARGV[9],
  'lane', lane, 'class', class, 'rank', rank, 'created', created, 'kind', ARGV[3], 'queue', queue,
  'user', user, 'payload', payload }
local function field(name, value)
  job[#job + 1] = name
  job[#job + 1] = value
end
if bytes then field('bytes', bytes) end
if ARGV[13] ~= '0' then field('tokens', ARGV[13]) end
if standing then
  field('held', books.hold(standing))
  field('held_tokens', ARGV[21])
  field('held_micros', ARGV[22])
end
if digest ~= '' then
  field('content', digest)
  redis.call('SET', of_repeat(digest, user), id, 'PX', ARGV[8])
end
if leader then field('follows', '1') end
if fresh then field('fresh', '1') end
if listed then field('listed', '1') end
if recording ~= '' then
  field('recording', text(#recording))
  -- For a job whose hash is lost: all others drop theirs at their end.
  redis.call('SET', of_job('recording', id), recording, 'PX', ARGV[8])
end
if delay > 0 then field('run_at', text(now + delay)) end
redis.call('HSET', key, unpack(job))
if leader then
  mend('ZADD', of_job('followers', leader), created, id)
  outlive(of_job('followers', leader), deadline_ms)
  hurry(leader, class, user)
  return answer(id, 'joined', leader)
end
if digest ~= '' and not fresh then
  redis.call('HSET', of_content(digest), 'leader', id)
  if content_known then
    outlive(of_content(digest), deadline_ms)
  else
    redis.call('PEXPIRE', of_content(digest), ARGV[8])
  end
  -- Those that follow a job that is no more follow this one.
  if gone and redis.call('EXISTS', of_job('followers', gone)) == 1 then
    redis.call('RENAME', of_job('followers', gone), of_job('followers', id))
  end
end
if delay > 0 then
  redis.call('ZADD', of_queue('scheduled'), text(now + delay), id)
else
  put_in_line(id, lane, class, rank)
end
return answer(id, 'accepted')
