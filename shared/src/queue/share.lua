-- Fragment: work that several jobs want. Needs keys.lua.
-- `content:<digest>` names the job that does the work (`leader`) and, when it was done, the job whose result answers for it
-- (`result_of`), whose that was (`by`, SHA-1 of the user) and until when (`until`). Jobs that want what a leader is doing follow
-- it: they are in no line, in `followers:<leader>`. `repeat:<digest>:<user>` is the user's own job for it.

local function of_content(digest) return root .. ':content:' .. digest end
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

-- Ends what a job does for others; `pass_on.lua` has it.
local end_work
