-- Fragment of requeue: the reverse of bury. Needs letter.lua, line.lua, rank.lua, hurry.lua, share.lua, and the budget.

-- Payloads of at most so many bytes are not counted, as in enqueue.
local SMALL_BYTES = 256
-- Workers count attempts in 32 bits.
local ATTEMPTS_MAX = 2 ^ 31 - 1

-- What is read of a job.
local function read_letter(id)
  local f = redis.pcall('HMGET', of_job('job', id), 'state', 'lane', 'class', 'user', 'attempts', 'max', 'content', 'fresh',
    'held_tokens', 'held_micros', 'listed', 'ended', 'requeued', 'resumed', 'recording')
  return { id = id, key = of_job('job', id), state = f[1], lane = f[2], class = f[3], user = f[4],
    attempts = whole_number(f[5]), max = whole_number(f[6]), digest = f[7], fresh = f[8], tokens = whole_number(f[9]),
    micros = whole_number(f[10]), listed = f[11] == '1', ended = whole_number(f[12]), times = (whole_number(f[13]) or 0) + 1,
    resumed = f[14], unrecorded = f[15] }
end

-- Whether the letter could run.
local function is_sound(letter)
  if not (place(letter.lane, letter.class, '0') and letter.user and letter.attempts and letter.max) then return false end
  local size = redis.pcall('HSTRLEN', letter.key, 'payload')
  if letter.attempts >= ATTEMPTS_MAX or size == 0 then return false end
  letter.bytes = size > SMALL_BYTES and text(size)
  return true
end

-- What there is of its work: the job whose result answers for it, or the one that does it now; and the job that was to.
local function meet_work(letter, now)
  if not letter.digest then return end
  local mine = mend('GET', of_repeat(letter.digest, letter.user))
  local state = mine ~= letter.id and state_of(mine)
  -- Its user has asked anew meanwhile.
  letter.repeated = state and state ~= 'failed' and state ~= 'cancelled'
  if letter.fresh then return end
  local result_of = answering(mend('GET', of_answer(letter.digest)), now)
  if result_of then return result_of end
  if letter.repeated then
    local own = redis.pcall('HMGET', of_job('job', mine), 'result_of', 'follows')
    if own[1] and answers(own[1]) then return own[1] end
    if RUNNING[state] and not own[2] then return nil, mine end
  end
  local leader = mend('GET', of_leader(letter.digest))
  if RUNNING[state_of(leader)] then return nil, leader end
  return nil, nil, leader
end

-- It is no dead letter any more; `fields` are its new ones.
local function raise(letter, track, fields)
  redis.call('ZREM', of_queue('dead'), letter.id)
  redis.call('HDEL', letter.key, 'code', 'message', 'reason', 'run_at', 'follows', 'ended', 'aside', 'refused', 'blamed',
    'doubted', 'doubts', 'denied', 'lost', 'losses', 'crashes')
  redis.call('HSET', letter.key, 'requeued', text(letter.times), unpack(fields))
  if letter.listed then track().put_back(letter.user, letter.ended) end
end

-- Its work was done meanwhile: it ends well.
local function answer_letter(letter, result_of, now, track)
  local ended = text(now)
  raise(letter, track, { 'state', 'completed', 'ended', ended, 'result_of', result_of, 'cached', '1', 'payload', '' })
  redis.call('HDEL', letter.key, 'held_tokens', 'held_micros')
  redis.call('PEXPIRE', letter.key, completed_ttl)
  redis.call('UNLINK', of_job('checkpoints', letter.id), of_job('attempts', letter.id))
  outlive(of_job('result', result_of), tonumber(completed_ttl))
  redis.call('ZADD', of_queue('done'), ended, letter.id)
  if not letter.repeated then redis.call('SET', of_repeat(letter.digest, letter.user), letter.id, 'PX', completed_ttl) end
  if letter.listed then track().ended(letter.user, 'completed', now) end
  redis.call('PUBLISH', of_job('events', letter.id), 'completed')
end

-- It leads its work from now on, for `deadline_ms`; `gone` was to.
local function lead(letter, gone, deadline_ms)
  local id = letter.id
  redis.call('SET', of_leader(letter.digest), id, 'PX', text(deadline_ms))
  if gone and gone ~= id and redis.call('EXISTS', of_job('followers', gone)) == 1 then
    redis.call('RENAME', of_job('followers', gone), of_job('followers', id))
  end
end
