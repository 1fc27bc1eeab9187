-- Fragment: work that several jobs want. Needs keys.lua.
-- `leader:<digest>` names the job that does the work. `answer:<digest>` names, when it was done, the job whose result answers for
-- it, until when, and whose that was (SHA-1 of the user). Jobs that want what a leader is doing follow it: they are in no line, in
-- `followers:<leader>`. `repeat:<digest>:<user>` is the user's own job for it, where that is not the leader.

local function of_leader(digest) return root .. ':leader:' .. digest end
local function of_answer(digest) return root .. ':answer:' .. digest end
local function of_repeat(digest, user) return root .. ':repeat:' .. digest .. ':' .. (user or '') end

-- Lets a key live for at least `ms` more.
local function outlive(key, ms)
  local left = redis.call('PTTL', key)
  if left ~= -2 and left < ms then redis.call('PEXPIRE', key, text(ms)) end
end

-- In these states the work of a job is not over.
local RUNNING = { waiting = true, scheduled = true, active = true }
local ENDED = { completed = true, failed = true, cancelled = true }

-- The state of a job; false where there is none.
local function state_of(job)
  local state = job and redis.pcall('HGET', of_job('job', job), 'state')
  return type(state) == 'string' and state
end

-- Whether there is a result of the job that others can have.
local function answers(job) return redis.call('TYPE', of_job('result', job)).ok == 'string' end

-- What stands in an answer: the job, until when (ms), and whose it is.
local function read_answer(text)
  if text then return string.match(text, '^(%S+) (%d+) (%x+)$') end
end

-- The job whose result answers now; nil where none does.
local function answering(text, now)
  local job, ends = read_answer(text)
  if job and now < tonumber(ends) and answers(job) then return job end
end

-- Ends what a job does for others; `pass_on.lua` has it.
local end_work
