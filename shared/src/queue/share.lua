-- Fragment: work that several jobs want. Needs keys.lua.
-- `content:<digest>` names the job that does the work (`leader`) and, when it was done, the job whose result answers for it
-- (`result_of`) until when (`until`). Jobs that want what a leader is doing follow it: they are in no line, in
-- `followers:<leader>`. `repeat:<digest>:<user>` is the user's own job for it.

local function of_content(digest) return root .. ':content:' .. digest end
local function of_repeat(digest, user) return root .. ':repeat:' .. digest .. ':' .. (user or '') end

-- Lets a key live for at least `ms` more.
local function outlive(key, ms)
  local left = redis.call('PTTL', key)
  if left ~= -2 and left < ms then redis.call('PEXPIRE', key, text(ms)) end
end

-- A command on a key that holds something else than ours: that is no use to anybody, and is dropped.
local function mend(command, key, ...)
  local reply = redis.pcall(command, key, ...)
  if type(reply) ~= 'table' or not reply.err then return reply end
  redis.call('UNLINK', key)
  return redis.call(command, key, ...)
end

-- Ends what a job does for others; `pass_on.lua` has it.
local end_work
