-- Names the results in one page of those that answer for the same work that jobs of a user have come to, whether or not the jobs
-- are still kept.
-- KEYS  1 root
-- ARGV  1 '' (no queue)  2 user  3 where the page begins ('0': the first)  4 about how many entries it has
-- Returns {'page', where the next one begins ('0': there is none), job, digest of its work, …}
-- Fragment: every key and the clock. KEYS[1] is the root; `Keys` in shared/src/redis/keys.rs names the same keys.
local root = KEYS[1]
local queue = ARGV[1]

local function of_job(name, id) return root .. ':' .. name .. ':' .. id end
local function of_queue(name) return root .. ':' .. name .. ':' .. queue end
local function of_lane(name, lane) return root .. ':' .. name .. ':' .. queue .. ':' .. lane end
local function of_line(lane, class) return of_lane('waiting', lane) .. ':' .. class end

-- A whole number as a command takes it. Redis formats a Lua number as a double, which is slow; the time, which most scripts write
-- in several places, is formatted once.
local now_known, now_text
local function text(number) return number == now_known and now_text or string.format('%d', number) end

-- Milliseconds since the Unix epoch: Redis' clock is the only one that decides anything.
local function now_ms()
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  now_known, now_text = now, string.format('%d', now)
  return now
end

-- Redis refuses the first write of a script while its memory is full, and no later one. What ends jobs, and frees memory with
-- that, begins with a write that needs none.
local function write_though_full() redis.call('DEL', root .. ':probe') end

-- The whole number that a field of a stored job holds; nil where it is none that could be ours.
local function whole_number(field)
  if field and #field <= 15 and string.find(field, '^%d+$') then return tonumber(field) end
end

-- Runs a command on a key that jobs can do without: something else that stands there makes room.
local function mend(command, key, ...)
  local reply = redis.pcall(command, key, ...)
  if type(reply) ~= 'table' or not reply.err then return reply end
  if string.find(reply.err, 'WRONGTYPE', 1, true) then redis.call('UNLINK', key) end
  return redis.call(command, key, ...)
end
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
-- Fragment: results that answer for more than one job. Needs keys.lua and share.lua.
-- Fragment: bytes that are counted of payloads and results. Needs keys.lua.

-- Takes `bytes` off what is counted under `name`: the payloads of a queue, or all results. Nothing counted is no field.
local function uncount(name, bytes)
  local sizes = root .. ':bytes'
  local left = redis.pcall('HINCRBY', sizes, name, '-' .. bytes)
  if type(left) ~= 'number' or left <= 0 then redis.call('HDEL', sizes, name) end
end

-- Most results that make room at a time.
local EVICT_MOST = 16

-- Whose result a member of `cached` is: the digest, the job, and its size in bytes.
local function cached_entry(member) return string.match(member, '^(%S+) (%S+) (%d+)$') end

-- The result no longer answers for new jobs. Those that it has answered for keep it.
local function forget_result(member)
  local digest, id, bytes = cached_entry(member)
  if not digest then return end
  uncount('results', bytes)
  if read_answer(mend('GET', of_answer(digest))) == id then redis.call('DEL', of_answer(digest)) end
  return id
end

-- Keeps what a job of `user` came to apart from the job, and lets it answer for the same work for `cache_ttl` ms. Where all
-- results together have more than `cache_max` bytes, the oldest make room.
local function keep_result(id, digest, result, user, now, completed_ttl, cache_ttl, cache_max)
  redis.call('SET', of_job('result', id), result, 'PX', text(math.max(completed_ttl, cache_ttl)))
  if cache_ttl <= 0 or #result > cache_max then return end
  local cached, ends = root .. ':cached', text(now + cache_ttl)
  redis.call('SET', of_answer(digest), id .. ' ' .. ends .. ' ' .. redis.sha1hex(user or ''), 'PX', text(cache_ttl))
  redis.call('ZADD', cached, ends, digest .. ' ' .. id .. ' ' .. #result)
  local bytes = tonumber(redis.pcall('HINCRBY', root .. ':bytes', 'results', #result)) or 0
  for _ = 1, EVICT_MOST do
    if bytes <= cache_max then return end
    local oldest = redis.call('ZPOPMIN', cached)[1]
    local evicted = oldest and forget_result(oldest)
    if not evicted then return end
    if redis.call('PTTL', of_job('result', evicted)) > completed_ttl then
      redis.call('PEXPIRE', of_job('result', evicted), text(completed_ttl))
    end
    bytes = tonumber(redis.call('HGET', root .. ':bytes', 'results')) or 0
  end
end

local owner = redis.sha1hex(ARGV[2])
local page = redis.pcall('ZSCAN', root .. ':cached', ARGV[3], 'COUNT', ARGV[4])
if page.err then return { 'page', '0' } end
local reply = { 'page', page[1] }
for i = 1, #page[2], 2 do
  local digest, id = cached_entry(page[2][i])
  local job, _, by = read_answer(digest and mend('GET', of_answer(digest)))
  if job == id and by == owner then
    reply[#reply + 1] = id
    reply[#reply + 1] = digest
  end
end
return reply
